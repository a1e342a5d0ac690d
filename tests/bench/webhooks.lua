-- SPDX-License-Identifier: Apache-2.0
-- For wrk: signed workflow_job webhooks, each of a job of its own. Reads BENCH_BODY (a file with __ID__ where the
-- job's id goes), BENCH_SECRET and BENCH_FIRST. Signed here, so that every request is what GitHub would send.
local ffi = require("ffi")
ffi.cdef [[
  const void *EVP_sha256(void);
  unsigned char *HMAC(const void *type, const void *key, int key_len, const unsigned char *data, size_t n,
                      unsigned char *md, unsigned int *md_len);
]]
local crypto = ffi.load(os.getenv("BENCH_CRYPTO") or "libcrypto.so.3")
local secret = os.getenv("BENCH_SECRET")
local before, after = io.open(os.getenv("BENCH_BODY")):read("*a"):match("^(.-)__ID__(.*)$")
local digest, size = ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
local hex = {}
for byte = 0, 255 do hex[byte] = string.format("%02x", byte) end
local id = tonumber(os.getenv("BENCH_FIRST"))
local headers = { ["Content-Type"] = "application/json", ["X-GitHub-Event"] = "workflow_job",
                  ["User-Agent"] = "GitHub-Hookshot/044aadd" }

function request()
  id = id + 1
  local text = string.format("%d", id)
  local body = before .. text .. after
  crypto.HMAC(crypto.EVP_sha256(), secret, #secret, body, #body, digest, size)
  local signature = {}
  for at = 0, 31 do signature[at + 1] = hex[digest[at]] end
  headers["X-Hub-Signature-256"] = "sha256=" .. table.concat(signature)
  headers["X-GitHub-Delivery"] = "0b989ba4-242f-11e5-81e1-" .. string.rep("0", 12 - #text) .. text
  return wrk.format("POST", "/webhook", headers, body)
end

-- One JSON line of what wrk measured, in microseconds.
function done(summary, latency)
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency.max, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
