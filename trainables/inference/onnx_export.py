"""The network as an ONNX file, for programs without torch; what surrounds it stays with `colorizer.py`."""

import json
import warnings
from pathlib import Path

import torch

from trainables.inference.colorizer import Colorizer

INPUTS, OUTPUTS = ("lightness", "square"), ("ab", "probabilities")
TOLERANCE = 1e-3
"""How far ONNX Runtime may be from torch, on the network's scale and in probability; `export_onnx` looks."""


def export_onnx(colorizer: Colorizer, path: Path) -> str:
    """Writes the network and says in one sentence how it takes photos.

    Inputs: `lightness`, B x 1 x H x W: L/100 of whole photos, sides that are multiples of 8 (training: the shorter side
    `image_size`); `square`, B x 1 x G x G: of their centre squares. Outputs: `ab`, B x 2 x H/2 x W/2 on the scale
    ab/200 + 0.5, and `probabilities`, B x C. Batch and sides H, W are free. The file's metadata has the class names.

    Raises:
        ValueError: the packages for it are missing, or ONNX Runtime does not agree with torch.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is missing: pip install 'tintune[onnx]'.") from error
    size, square = colorizer.image_size, colorizer.network.global_size
    generator = torch.Generator().manual_seed(0)
    example = (
        torch.rand(2, 1, size, size + 8, generator=generator),
        torch.rand(2, 1, square, square, generator=generator),
    )
    batch, rows, columns = torch.export.Dim("batch"), torch.export.Dim("rows"), torch.export.Dim("columns")
    free = ({0: batch, 2: 8 * rows, 3: 8 * columns}, {0: batch})
    network = colorizer.network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with warnings.catch_warnings():
        # torch warns about its own exporter.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network, example, dynamo=True, dynamic_shapes=free, input_names=INPUTS, output_names=OUTPUTS, verbose=False
        )
    assert program is not None
    model = program.model_proto
    described = {
        "class_names": json.dumps(colorizer.class_names),
        "image_size": str(size),
        "global_size": str(square),
        "named": str(colorizer.names).lower(),
    }
    onnx.helper.set_model_props(model, described)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = dict(zip(INPUTS, (one.numpy() for one in example), strict=True))
    with torch.inference_mode():
        expected = network(*example)
    for name, ours, theirs in zip(OUTPUTS, expected, session.run(None, given), strict=True):
        difference = float((ours - torch.from_numpy(theirs)).abs().max())
        if not difference <= TOLERANCE:
            raise ValueError(f"ONNX Runtime's {name} is {difference:.2g} from torch's; the file is not written.")
    onnx.save(model, path)
    return f"Takes L/100 of whole photos (shorter side {size}) and of their centre squares ({square} px)."
