-- Debian has no lua-resty-balancer: the same key finds the same node as long as the nodes stay the same. It is no
-- consistent hashing: another number of nodes moves most keys.
local RoundRobin = require("resty.roundrobin")

local Hash = setmetatable({}, { __index = RoundRobin })
Hash.__index = Hash

function Hash.new(_, nodes)
  local instance = setmetatable({}, Hash)
  instance:reinit(nodes)
  return instance
end

function Hash:find(key)
  if #self.ids == 0 then
    return nil
  end
  return self.ids[ngx.crc32_short(tostring(key)) % #self.ids + 1]
end

return Hash
