// SPDX-License-Identifier: Apache-2.0
// What a job can see and reach: namespaces of its own, entered by its keeper before the first
// instruction of the runner. Linux, root only.
#pragma once

#include <string>

#include "core/result.hpp"

namespace jitney::local {

// Empty: this process may give runners namespaces of their own (processes, mounts, IPC). Else why
// not.
std::string why_no_namespaces();

struct View {
  std::string runners_dir;   // hidden, but for
  std::string root;          // this one below it
  bool private_tmp = false;  // /tmp, /var/tmp and /dev/shm that end with the runner
};
// false where the roots themselves lie in /tmp: covering it would hide them.
bool may_have_private_tmp(const std::string& runners_dir);

// In a process that is alone in a new PID namespace: no process, root or temporary file of a
// neighbour is to be seen from here on. The message says which step failed.
core::Status enter_view(const View& view);

// Keeps jobs of the same user from reading this process's memory, environment and descriptors, and
// its dumps from the disk.
void hide_this_process();

}  // namespace jitney::local
