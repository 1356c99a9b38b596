"""Evaluation of forecasts: scores, backtests, comparisons, calibration and splitters."""

from levercap.evaluation import comparison, coverage, resampling, scores, sequential, shortfall
from levercap.evaluation.comparison import *  # noqa: F403
from levercap.evaluation.coverage import *  # noqa: F403
from levercap.evaluation.resampling import *  # noqa: F403
from levercap.evaluation.scores import *  # noqa: F403
from levercap.evaluation.sequential import *  # noqa: F403
from levercap.evaluation.shortfall import *  # noqa: F403

__all__ = []
__all__ += comparison.__all__
__all__ += coverage.__all__
__all__ += resampling.__all__
__all__ += scores.__all__
__all__ += sequential.__all__
__all__ += shortfall.__all__
