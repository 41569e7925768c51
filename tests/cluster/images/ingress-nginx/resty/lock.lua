-- Debian has no lua-resty-lock: one try on a shared dictionary, without waiting, which is how the controller uses it.
local Lock = {}
Lock.__index = Lock

function Lock.new(_, dictionary, options)
  local shared = ngx.shared[dictionary]
  if not shared then
    return nil, "dictionary not found"
  end
  return setmetatable({ shared = shared, expires = options and options.exptime or 30 }, Lock)
end

function Lock:lock(key)
  local added, reason = self.shared:add(key, true, self.expires)
  if not added then
    return nil, reason == "exists" and "timeout" or reason
  end
  self.key = key
  return 0
end

function Lock:unlock()
  if not self.key then
    return nil, "unlocked"
  end
  self.shared:delete(self.key)
  self.key = nil
  return 1
end

return Lock
