region_of_nobody = "x"
