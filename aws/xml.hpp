// SPDX-License-Identifier: Apache-2.0
// Reading the XML of EC2, STS and S3. Names are matched without namespace prefix. Pure functions.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace jitney::aws {

// `transient`: no XML, or longer than `max_bytes`. The text never quotes it.
core::Result<pugi::xml_document> parse_xml(std::string_view text,
                                           std::size_t max_bytes = 64u << 20);

// The first child element of that name; an empty node when there is none. Nodes are borrowed from
// the document.
pugi::xml_node child(pugi::xml_node parent, std::string_view name);
// Along a path of names: the node, or an empty one.
pugi::xml_node at(pugi::xml_node start, std::initializer_list<std::string_view> path);
std::string text_at(pugi::xml_node start, std::initializer_list<std::string_view> path);
// The elements of a list: all children of that name ("item", "member").
std::vector<pugi::xml_node> children(pugi::xml_node parent, std::string_view name);

}  // namespace jitney::aws
