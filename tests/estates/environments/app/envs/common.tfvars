org = "acme"
