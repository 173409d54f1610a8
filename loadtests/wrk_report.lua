-- Prints what was measured as one JSON object; BODY_BYTES in the environment makes the requests POSTs of that size,
-- JSON makes them POSTs of that document.
local bytes = tonumber(os.getenv("BODY_BYTES") or "0")
if bytes > 0 then
  wrk.method = "POST"
  wrk.body = string.rep("x", bytes)
end
local json = os.getenv("JSON") or ""
if json ~= "" then
  wrk.method = "POST"
  wrk.body = json
  wrk.headers["content-type"] = "application/json"
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "errors": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
