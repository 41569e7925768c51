-- One purchase a request, of a thousand users in turn, so that keys spread over every partition.
local number = 0

function request()
  number = (number + 1) % 1000
  local body = string.format('{"username":"user-%d","userid":"id-%d","price":"19.90"}', number, number)
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
end
