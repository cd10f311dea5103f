"""Names that people and data sets give to things, as NYU40 classes."""

import re

from seggroup.classes import NYU40_IDS

# Each class with further names of it, as ScanNet's own table maps its raw categories.
SYNONYMS = {
    "wall": "walls",
    "floor": "ground",
    "cabinet": "cabinets, kitchen cabinet, kitchen cabinets, bathroom cabinet, file cabinet, "
    "filing cabinet, cupboard, kitchen island, bathroom vanity, vanity, closet, locker, "
    "wall cabinet, base cabinet, storage cabinet, kitchen cabinetry, built in cabinet, "
    "build in cabinet, medicine cabinet",
    "bed": "mattress, bunk bed",
    "chair": "chairs, office chair, armchair, arm chair, folding chair, sofa chair, seat, "
    "dining chair, desk chair, beanbag chair, lounge chair, beanbag",
    "sofa": "couch, loveseat, sofa bed, futon",
    "table": "tables, coffee table, dining table, end table, side table, conference table, "
    "round table, kitchen table, office table, dining tables",
    "door": "doors, doorframe, door frame, doorway, closet door, closet doors, bathroom door",
    "window": "windows, windowframe, window frame, windowsill, window sill, window panel",
    "bookshelf": "bookshelves, bookcase, book shelf, book rack",
    "picture": "pictures, painting, poster, photo, photo frame, picture frame, frame, wall art, "
    "poster board",
    "counter": "countertop, kitchen counter, bathroom counter, kitchen countertop",
    "blinds": "blind, window blind, window blinds, jalousie, roller blind, window shutter",
    "desk": "desks, computer desk, office desk",
    "shelves": "shelf, shelving, storage shelf, wall shelf, rack",
    "curtain": "curtains, drape, drapes",
    "dresser": "chest of drawers",
    "pillow": "pillows, cushion, couch cushions",
    "mirror": "mirrors, wall mirror",
    "floor mat": "mat, rug, carpet, bath mat, floormat",
    "clothes": "clothing, cloth, jacket, coat, jackets",
    "books": "book",
    "refrigerator": "fridge, mini fridge, refridgerator, freezer",
    "television": "tv, tv screen, tv monitor, flat screen television",
    "paper": "papers",
    "towel": "towels, hand towel",
    "shower curtain": "shower curtains",
    "box": "boxes, cardboard box",
    "whiteboard": "white board, blackboard, chalkboard, board",
    "person": "people, human",
    "night stand": "nightstand, bedside table",
    "toilet": "toilet seat",
    "sink": "sinks, washbasin, kitchen sink, bathroom sink",
    "lamp": "lamps, light, desk lamp, table lamp, floor lamp, ceiling lamp, wall lamp, table lamps",
    "bathtub": "bath tub, tub",
    "bag": "bags, handbag, trash bag, plastic bag",
    "otherstructure": "other structure, shower, column, pillar, stairs, railing, ceiling light, "
    "light switch, fireplace, beam, structure, bar, ledge, partition, beams, columns, pillars, "
    "stair, wooden beam, handrail, shower stall, ventilation, vent, pipe, pipes, wall panel, "
    "panel, heating pipe, structure beam",
    "otherfurniture": "other furniture, trash can, trash bin, trashcan, bin, recycling bin, "
    "garbage bin, wardrobe, wardrobe closet, ottoman, radiator, bench, stand, tv stand, cart, "
    "furniture, shoe rack, piano, footrest, heater, tv set stand, plant stand, shoe cabinet, "
    "storage rack, clothes rack, coat rack",
    "otherprop": "other prop, object, objects, backpack, stool, microwave, toaster, toaster oven, "
    "laundry basket, basket, guitar, guitar case, case, tissue box, dish rack, bicycle, bike, "
    "shoes, shoe, scale, clock, kettle, cup, mug, bottle, bottles, conditioner bottle, container, "
    "plant, plants, potted plant, monitor, computer tower, keyboard, mouse, laptop, telephone, "
    "phone, printer, blanket, suitcase, luggage, fan, speaker, oven, stove, dishwasher, "
    "washing machine, ball, bowl, vase, decoration, toy, power outlet, clothes hanger, hanger, "
    "ipad, tablet, card, toilet paper, soap dispenser, bucket, ladder, headphones, clutter, "
    "washer, cooktop, kitchen hood, exhaust fan, smoke detector, socket, power socket, wall plug, "
    "plug, switch, indoor plant, computer keyboard, desktop computer, tablet computer, camera, "
    "remote control, stuffed animal, pot, pan, plate, candle, sculpture, umbrella, coffee maker, "
    "coffee machine, water bottle, soap bottle, fire extinguisher, comforter, item, items",
}
_IDS = {
    **{alias: NYU40_IDS[name] for name, text in SYNONYMS.items() for alias in text.split(", ")},
    **NYU40_IDS,
}


def nyu40_id(name: str) -> int | None:
    """The NYU40 class of a name in any case, with spaces or underscores; None for no class."""
    return _IDS.get(re.sub(r"[\s_-]+", " ", name).strip().lower())
