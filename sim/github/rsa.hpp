// SPDX-License-Identifier: Apache-2.0
// RSA keys in the forms that GitHub's side needs: the runner's parameters, PEM, and the check of an
// RS256 signature. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"

namespace jitney::sim {

// Big-endian bytes without leading zeros, as in .credentials_rsaparams.
struct RsaParams {
  std::string d, dp, dq, exponent, inverse_q, modulus, p, q;
};

core::Result<RsaParams> generate_rsa();  // 2048 bits

// PKCS#8. `invalid`: these numbers are no RSA private key.
core::Result<core::Secret> private_pem(const RsaParams& params);
core::Result<std::string> public_pem(const RsaParams& params);
// The public half of a PEM private key, PKCS#1 or PKCS#8.
core::Result<std::string> public_pem(const core::Secret& private_pem);

// False too when the PEM is no public key.
bool verify_rs256(const std::string& public_pem, std::string_view bytes,
                  std::string_view signature);

}  // namespace jitney::sim
