return require("resty.absent")("resty.ipmatcher")
