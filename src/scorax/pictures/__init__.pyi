from ._config import (
    MASKS,
    PictureConfig,
    PictureNetwork,
    PictureNoise,
    PictureSampling,
    PictureTraining,
    ResolvedPictureConfig,
)
from ._fitted import Bits, FittedPictures, bits_per_number
from ._model import PictureBlueprint
from ._run import FittedRun, fit_pictures
from ._saved import (
    SavedPictures,
    begun_pictures,
    open_pictures,
    read_picture_config,
    read_picture_schema,
    require_averages,
    require_masks,
)
from ._schema import PictureSchema, require_pictures
from ._settings import resolved

__all__ = [
    "MASKS",
    "Bits",
    "FittedPictures",
    "FittedRun",
    "PictureBlueprint",
    "PictureConfig",
    "PictureNetwork",
    "PictureNoise",
    "PictureSampling",
    "PictureSchema",
    "PictureTraining",
    "ResolvedPictureConfig",
    "SavedPictures",
    "begun_pictures",
    "bits_per_number",
    "fit_pictures",
    "open_pictures",
    "read_picture_config",
    "read_picture_schema",
    "require_averages",
    "require_masks",
    "require_pictures",
    "resolved",
]
