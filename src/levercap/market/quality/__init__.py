"""Quality of market data: what each symbol's data are worth at one instant, and a panel that can be scored from."""

from levercap.market.quality.assess import MarketQuality, assess_quality
from levercap.market.quality.recipe import QUALITY, QualityRecipe

__all__ = ["QUALITY", "MarketQuality", "QualityRecipe", "assess_quality"]
