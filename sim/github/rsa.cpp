// SPDX-License-Identifier: Apache-2.0
#include "sim/github/rsa.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <vector>

namespace jitney::sim {
namespace {

using core::fail;
using core::Fault;

template <auto kFree>
struct Free {
  void operator()(auto* pointer) const { kFree(pointer); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_clear_free>>;

std::string number(const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const Number value(raw);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(value.get())), '\0');
  BN_bn2bin(value.get(), reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

Key key_from(const RsaParams& params) {
  const std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>> builder(OSSL_PARAM_BLD_new());
  std::vector<Number> numbers;  // borrowed by the builder until it is done
  const auto push = [&](const char* name, const std::string& bytes) {
    numbers.emplace_back(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()), nullptr));
    return OSSL_PARAM_BLD_push_BN(builder.get(), name, numbers.back().get()) == 1;
  };
  const bool pushed =
      push(OSSL_PKEY_PARAM_RSA_N, params.modulus) && push(OSSL_PKEY_PARAM_RSA_E, params.exponent) &&
      push(OSSL_PKEY_PARAM_RSA_D, params.d) && push(OSSL_PKEY_PARAM_RSA_FACTOR1, params.p) &&
      push(OSSL_PKEY_PARAM_RSA_FACTOR2, params.q) &&
      push(OSSL_PKEY_PARAM_RSA_EXPONENT1, params.dp) &&
      push(OSSL_PKEY_PARAM_RSA_EXPONENT2, params.dq) &&
      push(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, params.inverse_q);
  if (!pushed) return nullptr;
  const std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>> list(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* raw = nullptr;
  if (list == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &raw, EVP_PKEY_KEYPAIR, list.get()) != 1) {
    return nullptr;
  }
  return Key(raw);
}

core::Result<std::string> write_public(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (key == nullptr || PEM_write_bio_PUBKEY(bio.get(), key) != 1) {
    return fail(Fault::invalid, "not an RSA private key");
  }
  return drain(bio.get());
}

}  // namespace

core::Result<RsaParams> generate_rsa() {
  const Key key(EVP_RSA_gen(2048));
  if (key == nullptr) return fail(Fault::transient, "OpenSSL could not generate an RSA key");
  return RsaParams{.d = number(key.get(), OSSL_PKEY_PARAM_RSA_D),
                   .dp = number(key.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1),
                   .dq = number(key.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2),
                   .exponent = number(key.get(), OSSL_PKEY_PARAM_RSA_E),
                   .inverse_q = number(key.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1),
                   .modulus = number(key.get(), OSSL_PKEY_PARAM_RSA_N),
                   .p = number(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR1),
                   .q = number(key.get(), OSSL_PKEY_PARAM_RSA_FACTOR2)};
}

core::Result<core::Secret> private_pem(const RsaParams& params) {
  const Key key = key_from(params);
  const Bio bio(BIO_new(BIO_s_secmem()));
  if (key == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                                      nullptr, nullptr) != 1) {
    return fail(Fault::invalid, "the RSA parameters are no private key");
  }
  return core::Secret(drain(bio.get()));
}

core::Result<std::string> public_pem(const RsaParams& params) {
  return write_public(key_from(params).get());
}

core::Result<std::string> public_pem(const core::Secret& private_pem) {
  const std::string_view text = private_pem.reveal();
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  return write_public(key.get());
}

bool verify_rs256(const std::string& public_pem, std::string_view bytes,
                  std::string_view signature) {
  const Bio bio(BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())));
  const Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return false;
  const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                          bytes.size()) == 1;
}

}  // namespace jitney::sim
