"""Backtests of value at risk: are there as many hits as announced, and do they cluster?"""
