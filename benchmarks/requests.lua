-- Requests with ids of their own, for wrk. Arguments after `--`:
--   METHOD PATH BODY PREFIX FIRST CYCLE NAME VALUE [NAME VALUE …]
-- <caller> in BODY is a number made up of the counter (80 000 of them); <id> and <visitor> in PATH
-- and BODY become unlike each other and unlike in every request:
-- PREFIX (20 hex) and a counter (12 hex) that starts at FIRST and, when CYCLE > 0, starts again
-- after CYCLE requests. What came of it is printed as one line of JSON.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local method, prefix, path, body, cycle

-- The text with its placeholders, cut so that a request costs one concatenation.
local function pieces(text)
  local found, at = {}, 1
  for before, name, after in text:gmatch("()<(%a+)>()") do
    table.insert(found, text:sub(at, before - 1))
    table.insert(found, name)
    at = after
  end
  table.insert(found, text:sub(at))
  return found
end

local function filled(template, values)
  if #template == 1 then return template[1] end
  local out = {}
  for i, piece in ipairs(template) do
    out[i] = i % 2 == 1 and piece or values[piece]
  end
  return table.concat(out)
end

function init(args)
  method, path, body, prefix = args[1], pieces(args[2]), pieces(args[3]), args[4]
  sent, first, cycle = 0, tonumber(args[5]), tonumber(args[6])
  for i = 7, #args - 1, 2 do
    wrk.headers[args[i]] = args[i + 1]
  end
end

function request()
  local turn = first + (cycle > 0 and sent % cycle or sent)
  local counter = string.format("%012x", turn)
  sent = sent + 1
  local caller = turn % 80000
  local values = {
    id = prefix .. counter,
    visitor = counter .. prefix,
    caller = string.format("+1%03d55501%02d", 200 + math.floor(caller / 100), caller % 100),
  }
  return wrk.format(method, filled(path, values), nil, filled(body, values))
end

function done(summary, latency, requests)
  local all = 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("sent")
  end
  local errors = summary.errors
  print(string.format(
    '{"sent": %d, "answered": %d, "failed": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d}',
    all, summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
