strict = false
