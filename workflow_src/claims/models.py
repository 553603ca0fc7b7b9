"""Models of a role, chosen by what they are and not by their names."""

from collections.abc import Callable, Mapping

import xarray as xr

from workflow_src.claims.claim import Models
from workflow_src.claims.missing import Missing
from workflow_src.specs.claims import ModelProperties, RoleSpec


def choose(wanted: Models, role: RoleSpec, dataset: xr.Dataset) -> list[str]:
    """Names of the models that have all the properties, in the order of the preset.

    Args:
        dataset: the role's arrays, which know the number of parameters of models without a latent dimension.
    Raises:
        Missing: there is none.
    """
    chosen = {name: one for name, one in role.models.items() if _fits(wanted, one, role.obs_dim)}
    if wanted.mar_strength == "largest":
        largest = max((one.mar_strength for one in chosen.values()), default=0.0)
        chosen = {name: one for name, one in chosen.items() if one.mar_strength == largest > 0}
    if wanted.size is not None:
        chosen = _of_size(wanted.size, chosen, dataset)
    if not chosen:
        raise Missing(f"the role has no model with {_stated(wanted)}")
    return list(chosen)


def _fits(wanted: Models, model: ModelProperties, obs_dim: int) -> bool:
    size, rank = model.latent_dim, model.rank
    return all(
        (
            wanted.architecture in (None, model.architecture),
            wanted.latent_dim is None
            or (size is not None and (size > obs_dim) == (wanted.latent_dim == "above_obs_dim")),
            wanted.rank_above_obs_dim is None or (rank is not None and rank - obs_dim == wanted.rank_above_obs_dim),
            wanted.jacobian is None or (model.solver == "quasi_deer") == (wanted.jacobian == "diagonal"),
            wanted.solver in (None, model.solver),
            wanted.mar_strength in (None, "largest") or _there(wanted.mar_strength, model.mar_strength),
            wanted.singular_value_strength is None
            or _there(wanted.singular_value_strength, model.singular_value_strength),
        )
    )


def _there(wanted: str | None, strength: float) -> bool:
    return (strength > 0) == (wanted == "some")


def _of_size(wanted: str, chosen: Mapping[str, ModelProperties], dataset: xr.Dataset) -> dict[str, ModelProperties]:
    sizes: dict[str, int] = {}
    for name, one in chosen.items():
        sizes[name] = one.latent_dim or int(dataset["parameter_count"].sel(model=name))
    if len(set(sizes.values())) < 2:
        raise Missing("the role has no two sizes of the model")
    pick: Callable[..., int] = min if wanted == "smallest" else max
    end = pick(sizes.values())
    return {name: one for name, one in chosen.items() if sizes[name] == end}


def _stated(wanted: Models) -> str:
    return ", ".join(f"{key} {value}" for key, value in wanted if value is not None) or "any properties"
