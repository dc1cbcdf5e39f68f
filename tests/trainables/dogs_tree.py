"""A small Stanford Dogs: the real layout, breeds, annotations and lists, their dirt too; tiny photos."""

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

NUMBERED_BREEDS = """
02085620-Chihuahua 02085782-Japanese_spaniel 02085936-Maltese_dog 02086079-Pekinese 02086240-Shih-Tzu
02086646-Blenheim_spaniel 02086910-papillon 02087046-toy_terrier 02087394-Rhodesian_ridgeback 02088094-Afghan_hound
02088238-basset 02088364-beagle 02088466-bloodhound 02088632-bluetick 02089078-black-and-tan_coonhound
02089867-Walker_hound 02089973-English_foxhound 02090379-redbone 02090622-borzoi 02090721-Irish_wolfhound
02091032-Italian_greyhound 02091134-whippet 02091244-Ibizan_hound 02091467-Norwegian_elkhound 02091635-otterhound
02091831-Saluki 02092002-Scottish_deerhound 02092339-Weimaraner 02093256-Staffordshire_bullterrier
02093428-American_Staffordshire_terrier 02093647-Bedlington_terrier 02093754-Border_terrier
02093859-Kerry_blue_terrier 02093991-Irish_terrier 02094114-Norfolk_terrier 02094258-Norwich_terrier
02094433-Yorkshire_terrier 02095314-wire-haired_fox_terrier 02095570-Lakeland_terrier 02095889-Sealyham_terrier
02096051-Airedale 02096177-cairn 02096294-Australian_terrier 02096437-Dandie_Dinmont 02096585-Boston_bull
02097047-miniature_schnauzer 02097130-giant_schnauzer 02097209-standard_schnauzer 02097298-Scotch_terrier
02097474-Tibetan_terrier 02097658-silky_terrier 02098105-soft-coated_wheaten_terrier
02098286-West_Highland_white_terrier 02098413-Lhasa 02099267-flat-coated_retriever 02099429-curly-coated_retriever
02099601-golden_retriever 02099712-Labrador_retriever 02099849-Chesapeake_Bay_retriever
02100236-German_short-haired_pointer 02100583-vizsla 02100735-English_setter 02100877-Irish_setter
02101006-Gordon_setter 02101388-Brittany_spaniel 02101556-clumber 02102040-English_springer
02102177-Welsh_springer_spaniel 02102318-cocker_spaniel 02102480-Sussex_spaniel 02102973-Irish_water_spaniel
02104029-kuvasz 02104365-schipperke 02105056-groenendael 02105162-malinois 02105251-briard 02105412-kelpie
02105505-komondor 02105641-Old_English_sheepdog 02105855-Shetland_sheepdog 02106030-collie 02106166-Border_collie
02106382-Bouvier_des_Flandres 02106550-Rottweiler 02106662-German_shepherd 02107142-Doberman
02107312-miniature_pinscher 02107574-Greater_Swiss_Mountain_dog 02107683-Bernese_mountain_dog 02107908-Appenzeller
02108000-EntleBucher 02108089-boxer 02108422-bull_mastiff 02108551-Tibetan_mastiff 02108915-French_bulldog
02109047-Great_Dane 02109525-Saint_Bernard 02109961-Eskimo_dog 02110063-malamute 02110185-Siberian_husky
02110627-affenpinscher 02110806-basenji 02110958-pug 02111129-Leonberg 02111277-Newfoundland 02111500-Great_Pyrenees
02111889-Samoyed 02112018-Pomeranian 02112137-chow 02112350-keeshond 02112706-Brabancon_griffon 02113023-Pembroke
02113186-Cardigan 02113624-toy_poodle 02113712-miniature_poodle 02113799-standard_poodle 02113978-Mexican_hairless
02115641-dingo 02115913-dhole 02116738-African_hunting_dog
"""
BREEDS = tuple(f"n{breed}" for breed in NUMBERED_BREEDS.split())

ANNOTATION = """<annotation>
\t<folder>{folder}</folder>
\t<filename>{name}</filename>
\t<source>
\t\t<database>ImageNet database</database>
\t</source>
\t<size>
\t\t<width>{width}</width>
\t\t<height>{height}</height>
\t\t<depth>3</depth>
\t</size>
\t<segment>0</segment>
{objects}</annotation>
"""
OBJECT = """\t<object>
\t\t<name>{breed}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{0}</xmin>
\t\t\t<ymin>{1}</ymin>
\t\t\t<xmax>{2}</xmax>
\t\t\t<ymax>{3}</ymax>
\t\t</bndbox>
\t</object>
"""


@dataclass(frozen=True, kw_only=True)
class Dogs:
    """What was written, by the photo's name below Images."""

    sizes: dict[str, tuple[int, int]]
    """Width and height."""
    boxes: dict[str, list[tuple[int, int, int, int]]]
    parts: dict[str, str]
    """As the lists say."""
    placeholders: list[str]
    disguised: str
    """A PNG that is called .jpg."""
    grey: str
    """A photo without colour."""
    copies: tuple[str, str]
    """A photo for the test and its copy for training."""


def annotation_text(width: int, height: int, boxes: list[tuple[int, int, int, int]], breed: str = "pug") -> str:
    objects = "".join(OBJECT.format(*box, breed=breed) for box in boxes)
    return ANNOTATION.format(folder="02110958", name="n02110958_1", width=width, height=height, objects=objects)


def write_dogs(root: Path, *, num_train: int = 3, num_test: int = 2, breeds: tuple[str, ...] = BREEDS) -> Dogs:
    """Images, Annotation and the three lists below `root`; one to two boxes a photo."""
    generator = np.random.default_rng(0)
    dogs = Dogs(sizes={}, boxes={}, parts={}, placeholders=[], disguised="", grey="", copies=("", ""))
    for number, breed in enumerate(breeds):
        (root / "Images" / breed).mkdir(parents=True)
        (root / "Annotation" / breed).mkdir(parents=True)
        for index in range(num_train + num_test):
            name = f"{breed}/{breed[:9]}_{7 + 13 * index}.jpg"
            width, height = int(generator.integers(32, 64)), int(generator.integers(32, 64))
            dogs.parts[name] = "train" if index < num_train else "test"
            dogs.sizes[name] = (width, height)
            small = Image.fromarray(generator.integers(0, 256, (7, 7, 3), dtype=np.uint8))
            small.resize((width, height), Image.Resampling.BICUBIC).save(root / "Images" / name, quality=92)
            _annotate(root, name, dogs, generator, num_boxes=1 + (index == 1))
        if number % 10 == 3:
            # What a lost photo was replaced by, in training and test alike.
            for index in (0, num_train):
                dogs.placeholders.append(f"{breed}/{breed[:9]}_{7 + 13 * index}.jpg")
    names = list(dogs.parts)
    grey = Image.new("RGB", (48, 48), (128, 128, 128))
    for name in dogs.placeholders:
        grey.save(root / "Images" / name)
    special = [name for name in names if name not in dogs.placeholders]
    first_test, first_train, png, pale = (
        next(name for name in special if dogs.parts[name] == part and name.startswith(breeds[breed % len(breeds)]))
        for part, breed in (("test", 0), ("train", 0), ("train", 1), ("train", 2))
    )
    (root / "Images" / first_train).write_bytes((root / "Images" / first_test).read_bytes())
    with Image.open(root / "Images" / png) as image:
        image.save(root / "Images" / png, "PNG")
    with Image.open(root / "Images" / pale) as image:
        image.convert("L").convert("RGB").save(root / "Images" / pale, quality=92)
    for file, part in (("file_list", ("train", "test")), ("train_list", ("train",)), ("test_list", ("test",))):
        write_list(root / f"{file}.mat", [name for name in names if dogs.parts[name] in part], breeds)
    return Dogs(**{**vars(dogs), "disguised": png, "grey": pale, "copies": (first_test, first_train)})


def _annotate(root: Path, name: str, dogs: Dogs, generator: np.random.Generator, *, num_boxes: int) -> None:
    width, height = dogs.sizes[name]
    boxes = []
    for _ in range(num_boxes):
        left, top = int(generator.integers(0, width - 12)), int(generator.integers(0, height - 12))
        right, bottom = int(generator.integers(left + 8, width)), int(generator.integers(top + 8, height))
        boxes.append((left, top, right, bottom))
    dogs.boxes[name] = boxes
    text = annotation_text(width, height, boxes, breed=name.partition("-")[2].partition("/")[0])
    (root / "Annotation" / name).with_suffix("").write_text(text)


def write_list(path: Path, names: list[str], breeds: tuple[str, ...] = BREEDS) -> None:
    """MATLAB v5, compressed: cells of paths of photos and annotations, and labels from 1."""
    columns = {
        "file_list": [np.array(name) for name in names],
        "annotation_list": [np.array(name.removesuffix(".jpg")) for name in names],
    }
    cells = {}
    for column, values in columns.items():
        cells[column] = np.empty((len(values), 1), dtype=object)
        cells[column][:, 0] = values
    labels = np.array([[breeds.index(name.partition("/")[0]) + 1] for name in names], dtype=np.uint8)
    savemat(path, {**cells, "labels": labels}, do_compression=True)


def write_archives(tree: Path, folder: Path) -> None:
    """images.tar, annotation.tar and lists.tar of a tree, as they are downloaded."""
    folder.mkdir(parents=True, exist_ok=True)
    for archive, names in (
        ("images.tar", ["Images"]),
        ("annotation.tar", ["Annotation"]),
        ("lists.tar", ["file_list.mat", "train_list.mat", "test_list.mat"]),
    ):
        with tarfile.open(folder / archive, "w") as tar:
            for name in names:
                tar.add(tree / name, arcname=name)


def jpeg_bytes(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()
