-- Stands for a library that Debian lacks: it loads, and a call says which feature is not to be had here.
return function(name)
  return setmetatable({}, {
    __index = function()
      error(name .. " is not part of this ingress controller's image")
    end,
  })
end
