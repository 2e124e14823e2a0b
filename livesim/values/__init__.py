"""The frozen values that travel through livesim."""
