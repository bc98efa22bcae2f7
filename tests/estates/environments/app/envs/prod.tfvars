env    = "prod"
locked = true
