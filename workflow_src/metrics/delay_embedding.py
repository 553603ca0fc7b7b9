"""Delay embedding of an orbit, Eq. (69) (Takens 1981; Sauer, Yorke and Casdagli 1991).

x_t^DE = (x_t, x_{t-tau}, ..., x_{t-(m-1)tau}): m copies of all N observed components, at lags of tau steps.
"""

import numpy as np
from jaxtyping import Float


def embed(orbit: Float[np.ndarray, "T N"], dimension: int, delay: int) -> Float[np.ndarray, "points mN"]:
    """Unfold an orbit in delay coordinates.

    Args:
        orbit: one orbit in time order.
        dimension: m; 1 returns the orbit as it is.
        delay: tau, in steps.

    Returns:
        One row per time t = (m-1)tau .. T-1, the components at t first, the earliest last. An orbit that does not
        reach back (m-1)tau steps gives no row.
    """
    if dimension < 1 or delay < 1:
        raise ValueError(f"embedding ({dimension}, {delay}): dimension and delay start at 1")
    count = max(len(orbit) - (dimension - 1) * delay, 0)
    starts = [k * delay for k in reversed(range(dimension))]
    return np.concatenate([orbit[start : start + count] for start in starts], axis=1)
