// SPDX-License-Identifier: Apache-2.0
#include "sim/github/jit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <random>

#include "net/crypto.hpp"

namespace jitney::sim {
namespace {

namespace json = boost::json;

const JitConfiguration& sample() {
  static const JitConfiguration kSample = [] {
    JitConfiguration c;
    c.agent_id = 42;
    c.agent_name = "demo-cpu-7";
    c.server_url = "http://127.0.0.1:1";
    c.client_id = "11111111-2222-4333-a444-555555555555";
    c.authorization_url = "http://127.0.0.1:1/token";
    c.key = *generate_rsa();
    return c;
  }();
  return kSample;
}

json::object files_of(const core::Secret& blob) {
  return json::parse(*net::unbase64(blob.reveal())).as_object();
}

std::string blob_of(const json::object& files) { return net::base64(json::serialize(files)); }

// The sample with one key of one file changed.
std::string changed(const char* file, const char* key, const json::value& value) {
  json::object files = files_of(encode_jit(sample()));
  json::object content = json::parse(*net::unbase64(files[file].as_string())).as_object();
  content[key] = value;
  files[file] = net::base64(json::serialize(content));
  return blob_of(files);
}

TEST(Jit, WhatIsEncodedIsDecodedAgain) {
  const auto decoded = decode_jit(encode_jit(sample()).reveal());
  ASSERT_TRUE(decoded) << decoded.error().what;
  const JitConfiguration& c = decoded->configuration;
  EXPECT_EQ(c.agent_id, 42);
  EXPECT_EQ(c.agent_name, "demo-cpu-7");
  EXPECT_EQ(c.client_id, sample().client_id);
  EXPECT_TRUE(c.ephemeral);
  EXPECT_FALSE(c.use_v2_flow);
  EXPECT_EQ(c.key.modulus, sample().key.modulus);
  EXPECT_EQ(decoded->files.size(), 3u);
}

TEST(Jit, HasTheThreeFilesAndKeysOfTheRealOne) {
  const json::object files = files_of(encode_jit(sample()));
  ASSERT_EQ(files.size(), 3u);
  const auto read = [&](const char* name) {
    return json::parse(*net::unbase64(files.at(name).as_string())).as_object();
  };
  for (const char* key : {"AgentId", "AgentName", "PoolId", "PoolName", "ServerUrl", "WorkFolder",
                          "Ephemeral", "DisableUpdate", "UseV2Flow"}) {
    EXPECT_TRUE(read(".runner").contains(key)) << key;
  }
  EXPECT_EQ(read(".credentials").at("Scheme").as_string(), "OAuth");
  EXPECT_TRUE(read(".credentials").at("Data").as_object().contains("requireFipsCryptography"));
  for (const char* key : {"d", "dp", "dq", "exponent", "inverseQ", "modulus", "p", "q"}) {
    EXPECT_TRUE(read(".credentials_rsaparams").contains(key)) << key;
  }
}

TEST(Jit, TheKeyOfTheBlobSigns) {
  const auto decoded = decode_jit(encode_jit(sample()).reveal());
  ASSERT_TRUE(decoded);
  const auto pem = private_pem(decoded->configuration.key);
  ASSERT_TRUE(pem);
  const auto signature = net::rs256(*pem, "words");
  ASSERT_TRUE(signature);
  EXPECT_TRUE(verify_rs256(*public_pem(sample().key), "words", *signature));
  EXPECT_TRUE(verify_rs256(*public_pem(*pem), "words", *signature));
  EXPECT_FALSE(verify_rs256(*public_pem(sample().key), "other words", *signature));
  EXPECT_FALSE(verify_rs256("no key", "words", *signature));
}

TEST(Jit, ValuesMayBeNumbersAndTruthValues) {
  EXPECT_EQ(decode_jit(changed(".runner", "AgentId", 43))->configuration.agent_id, 43);
  EXPECT_FALSE(decode_jit(changed(".runner", "Ephemeral", false))->configuration.ephemeral);
  EXPECT_FALSE(decode_jit(changed(".runner", "Ephemeral", "FALSE"))->configuration.ephemeral);
}

TEST(Jit, RefusesWhatIsNotOne) {
  for (const std::string& blob :
       {std::string(), std::string("%%%"), net::base64("no json"), net::base64("[]"),
        net::base64("{}"), std::string(kJitBytes + 4, 'A'),
        changed(".runner", "AgentName", nullptr), changed(".runner", "AgentName", ""),
        changed(".runner", "AgentId", "x"), changed(".runner", "AgentId", -1),
        changed(".runner", "Ephemeral", "maybe"), changed(".runner", "ServerUrl", nullptr),
        changed(".credentials", "Scheme", "Basic"), changed(".credentials", "Data", 1),
        changed(".credentials_rsaparams", "d", "!"),
        changed(".credentials_rsaparams", "d", nullptr)}) {
    const auto decoded = decode_jit(blob);
    ASSERT_FALSE(decoded) << blob.substr(0, 60);
    EXPECT_EQ(decoded.error().fault, core::Fault::invalid);
    EXPECT_TRUE(decoded.error().what.starts_with("JIT configuration")) << decoded.error().what;
  }
}

TEST(Jit, RefusesFileNamesOutsideTheRoot) {
  for (const char* name : {"../evil", "/etc/passwd", "a/b", "..", "."}) {
    json::object files = files_of(encode_jit(sample()));
    files[name] = "";
    EXPECT_FALSE(decode_jit(blob_of(files))) << name;
  }
  json::object files = files_of(encode_jit(sample()));
  files.erase(".credentials");
  EXPECT_FALSE(decode_jit(blob_of(files)));
}

TEST(Jit, ErrorsNeverQuoteTheCredential) {
  const auto decoded = decode_jit(changed(".credentials_rsaparams", "d", "c2VjcmV0c2VjcmV0!"));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().what.find("c2Vj"), std::string::npos);
}

TEST(Jit, DamagedBlobsAreRefusedOrReadNeverMore) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string good(*net::unbase64(encode_jit(sample()).reveal()));
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      bad[random() % bad.size()] = static_cast<char>(random() % 256);
    }
    if (random() % 4 == 0) bad.resize(random() % bad.size());
    const auto decoded = decode_jit(net::base64(bad));
    if (!decoded) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace jitney::sim
