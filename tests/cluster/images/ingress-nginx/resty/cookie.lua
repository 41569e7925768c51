-- Debian's name for the same library.
return require("nginx.cookie")
