"""Joint scenarios by multivariate filtered historical simulation."""
