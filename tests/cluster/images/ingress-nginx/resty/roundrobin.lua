-- Debian has no lua-resty-balancer: the few calls of its round robin that the ingress controller makes.
local RoundRobin = {}
RoundRobin.__index = RoundRobin

function RoundRobin.new(_, nodes)
  local instance = setmetatable({}, RoundRobin)
  instance:reinit(nodes)
  return instance
end

function RoundRobin:reinit(nodes)
  self.nodes = nodes
  self.ids = {}
  for id, weight in pairs(nodes) do
    for _ = 1, weight do
      table.insert(self.ids, id)
    end
  end
  table.sort(self.ids)
  -- Workers start at different nodes, so that the first one is not given more than its share.
  self.last = #self.ids > 0 and math.random(#self.ids) or 0
end

function RoundRobin:set(id, weight)
  self.nodes[id] = weight
  self:reinit(self.nodes)
end

function RoundRobin:find()
  if #self.ids == 0 then
    return nil
  end
  self.last = self.last % #self.ids + 1
  return self.ids[self.last]
end

return RoundRobin
