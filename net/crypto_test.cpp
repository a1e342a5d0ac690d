// SPDX-License-Identifier: Apache-2.0
#include "net/crypto.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <utility>

namespace jitney::net {
namespace {

using core::Secret;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string pem_of(EVP_PKEY* key, const char* structure, const char* passphrase = nullptr) {
  BIO* out = BIO_new(BIO_s_mem());
  if (std::string_view(structure) == "PKCS#1") {
    PEM_write_bio_PrivateKey_traditional(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PKCS8PrivateKey(
        out, key, passphrase == nullptr ? nullptr : EVP_aes_128_cbc(), passphrase,
        passphrase == nullptr ? 0 : static_cast<int>(std::string_view(passphrase).size()), nullptr,
        nullptr);
  }
  char* data = nullptr;
  const auto length = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(length));
  BIO_free(out);
  return text;
}

bool verifies(EVP_PKEY* key, std::string_view bytes, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

TEST(Crypto, Sha256OfFips180Examples) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, test cases 1, 2, 3, 6, and the example of GitHub's documentation.
TEST(Crypto, HmacOfPublishedExamples) {
  EXPECT_EQ(hex(hmac_sha256(Secret(std::string(20, '\x0b')), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(Secret("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(Secret(std::string(20, '\xaa')), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex(hmac_sha256(Secret(std::string(131, '\xaa')),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha256(Secret("It's a Secret to Everybody"), "Hello, World!")),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

TEST(Crypto, HmacWithAnEmptyKeyIsNotTheLastKeys) {
  const auto first = hmac_sha256(Secret("key"), "");
  EXPECT_NE(hmac_sha256(Secret(), ""), first);
  EXPECT_EQ(hex(hmac_sha256(Secret(), "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

TEST(Crypto, HexGoesBothWays) {
  EXPECT_EQ(hex(std::string_view("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(unhex("007fFF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(unhex(""), "");
  for (const char* bad : {"0", "0g", "g0", " 0", "0x"}) EXPECT_EQ(unhex(bad), std::nullopt) << bad;
}

TEST(Crypto, Base64OfRfc4648) {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : examples) {
    EXPECT_EQ(base64(plain), encoded);
    EXPECT_EQ(unbase64(encoded), plain);
  }
  EXPECT_EQ(base64("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(base64url("fo"), "Zm8");
}

TEST(Crypto, Base64IsReadStrictly) {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9",
                          "Zm9-", "Zm9v\n", "=Zm9"}) {
    EXPECT_EQ(unbase64(bad), std::nullopt) << bad;
  }
}

TEST(Crypto, Base64KeepsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    EXPECT_EQ(unbase64(base64(all)), all);
  }
}

TEST(Crypto, Rs256SignsWithBothPemForms) {
  const Key key(EVP_RSA_gen(2048U), EVP_PKEY_free);
  const auto old_form = rs256(Secret(pem_of(key.get(), "PKCS#1")), "header.payload");
  const auto new_form = rs256(Secret(pem_of(key.get(), "PKCS#8")), "header.payload");
  ASSERT_TRUE(old_form) << old_form.error().what;
  ASSERT_TRUE(new_form) << new_form.error().what;
  EXPECT_EQ(*old_form, *new_form);  // PKCS#1 v1.5 has no randomness
  EXPECT_EQ(old_form->size(), 256U);
  EXPECT_TRUE(verifies(key.get(), "header.payload", *old_form));
  EXPECT_FALSE(verifies(key.get(), "header.payloae", *old_form));
}

TEST(Crypto, Rs256RefusesWhatIsNoPlainRsaKey) {
  const Key rsa(EVP_RSA_gen(2048U), EVP_PKEY_free);
  const Key ec(EVP_EC_gen("P-256"), EVP_PKEY_free);
  std::string cut = pem_of(rsa.get(), "PKCS#8");
  cut.resize(cut.size() / 2);
  for (const std::string& bad :
       {std::string(), std::string("hunter2"), cut, pem_of(ec.get(), "PKCS#8"),
        pem_of(rsa.get(), "PKCS#8", "passphrase"), std::string(70'000, 'x')}) {
    const auto signature = rs256(Secret(bad), "x");
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().fault, core::Fault::invalid);
    EXPECT_EQ(signature.error().what.find("hunter2"), std::string::npos);
  }
}

TEST(Crypto, RandomBytesDiffer) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

}  // namespace
}  // namespace jitney::net
