"""Class lists: ids, names and colours. Names and colours are ScanNet's, ids are NYU40's."""

import numpy as np

_NYU40 = (
    ("wall", (174, 199, 232)),
    ("floor", (152, 223, 138)),
    ("cabinet", (31, 119, 180)),
    ("bed", (255, 187, 120)),
    ("chair", (188, 189, 34)),
    ("sofa", (140, 86, 75)),
    ("table", (255, 152, 150)),
    ("door", (214, 39, 40)),
    ("window", (197, 176, 213)),
    ("bookshelf", (148, 103, 189)),
    ("picture", (196, 156, 148)),
    ("counter", (23, 190, 207)),
    ("blinds", (178, 76, 76)),
    ("desk", (247, 182, 210)),
    ("shelves", (66, 188, 102)),
    ("curtain", (219, 219, 141)),
    ("dresser", (140, 57, 197)),
    ("pillow", (202, 185, 52)),
    ("mirror", (51, 176, 203)),
    ("floor mat", (200, 54, 131)),
    ("clothes", (92, 193, 61)),
    ("ceiling", (78, 71, 183)),
    ("books", (172, 114, 82)),
    ("refrigerator", (255, 127, 14)),
    ("television", (91, 163, 138)),
    ("paper", (153, 98, 156)),
    ("towel", (140, 153, 101)),
    ("shower curtain", (158, 218, 229)),
    ("box", (100, 125, 154)),
    ("whiteboard", (178, 127, 135)),
    ("person", (120, 185, 128)),
    ("night stand", (146, 111, 194)),
    ("toilet", (44, 160, 44)),
    ("sink", (112, 128, 144)),
    ("lamp", (96, 207, 209)),
    ("bathtub", (227, 119, 194)),
    ("bag", (213, 92, 176)),
    ("otherstructure", (94, 106, 211)),
    ("otherfurniture", (82, 84, 163)),
    ("otherprop", (100, 85, 144)),
)
NYU40: dict[int, str] = {i: name for i, (name, _) in enumerate(_NYU40, start=1)}
NYU40_IDS: dict[str, int] = {name: i for i, name in NYU40.items()}

# The 20 classes of ScanNet's semantic benchmark, and the 18 of its instance benchmark.
BENCHMARK20 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39)
STUFF = (1, 2)  # wall and floor: left out of instance evaluation
BENCHMARK18 = tuple(i for i in BENCHMARK20 if i not in STUFF)

# Row i is the colour of class i; row 0 (no class) is white.
CLASS_COLORS = np.array([(255, 255, 255), *(color for _, color in _NYU40)], np.uint8)


def class_name(class_id: int) -> str:
    """The class's name, or ``class <id>`` for an id outside NYU40."""
    return NYU40.get(class_id, f"class {class_id}")
