"""The words that `shopctl seed` makes products, people and opinions of."""

from __future__ import annotations

# What it is, its category, and what it may cost.
THINGS = (
    ("lamp", "lighting", 19, 180), ("lantern", "lighting", 12, 70), ("candle holder", "lighting", 6, 40),
    ("chair", "furniture", 45, 420), ("stool", "furniture", 25, 160), ("bookshelf", "furniture", 60, 480),
    ("side table", "furniture", 40, 290), ("mug", "kitchen", 5, 24), ("teapot", "kitchen", 14, 90),
    ("bread knife", "kitchen", 9, 85), ("cutting board", "kitchen", 8, 70), ("saucepan", "kitchen", 19, 140),
    ("blanket", "textiles", 18, 130), ("cushion", "textiles", 9, 55), ("rug", "textiles", 35, 520),
    ("backpack", "travel", 29, 190), ("water bottle", "travel", 8, 45), ("umbrella", "travel", 10, 60),
    ("desk clock", "office", 15, 110), ("notebook", "office", 3, 22), ("fountain pen", "office", 12, 240),
    ("watering can", "garden", 9, 60), ("flower pot", "garden", 4, 48), ("garden shears", "garden", 14, 95),
)  # fmt: skip
LOOKS = ("plain", "folding", "tall", "low", "round", "slim", "heavy", "small", "wide", "stackable", "striped", "matt",
         "hand-made", "everyday", "Danish", "Japanese", "old-school", "lightweight")  # fmt: skip
MATERIALS = ("brass", "oak", "beech", "linen", "wool", "steel", "copper", "ceramic", "glass", "bamboo", "leather",
             "cotton", "cork", "walnut", "enamel", "recycled")  # fmt: skip
TAGS = ("new", "classic", "gift", "bestseller", "outlet", "limited", "refurbished", "seasonal")
OPENINGS = (
    "Made for daily use.", "A quiet piece that fits almost anywhere.", "Drawn in our own workshop.",
    "Simple, and better for it.", "Built to be repaired.", "A small thing done properly.",
)  # fmt: skip
DETAILS = (
    "Edges are rounded by hand and the surface is left untreated.", "Comes flat-packed with all the tools it needs.",
    "Each piece differs a little in grain and colour.", "Tested for a hundred thousand cycles.",
    "Spare parts are kept for at least ten years.", "Packed without plastic.",
)  # fmt: skip
CARE = ("Wipe with a damp cloth.", "Oil once a year.", "Dishwasher safe.", "Wash at 30 degrees.", "Keep dry.",
        "Needs no care.")  # fmt: skip
OPINIONS = {
    1: ("Broke after a week.", "Nothing like the picture.", "Sent it back.", "It arrived damaged and nobody answered.",
        "A waste of money."),
    2: ("Not what I had hoped for.", "Feels cheap.", "Works, but only just.", "The colour is off.", "Too small."),
    3: ("Fine for the price.", "Does its job.", "Neither good nor bad.", "Took long to arrive.", "As described."),
    4: ("Good quality.", "Would buy it again.", "Nearly perfect, a bit heavy.", "Looks better than in the picture.",
        "A solid thing."),
    5: ("Exactly what I was looking for.", "Beautiful.", "We use it every day.", "A present that was much liked.",
        "Bought a second one.", "Worth every cent."),
}  # fmt: skip
FIRST = ("Ada", "Bela", "Chidi", "Dora", "Emre", "Freya", "Goran", "Hana", "Ines", "Jonas", "Kirra", "Luca", "Mina",
         "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Sven", "Tomoko", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf",
         "Zoe", "Žofie", "Søren", "Léa", "Iñaki")  # fmt: skip
LAST = ("Adeyemi", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horváth", "Ito", "Jansen", "Kowalski",
        "Larsen", "Moreau", "Novák", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Ueda", "Varga",
        "Wójcik", "Yilmaz", "Zhang")  # fmt: skip


def name_of(person: int) -> tuple[str, str]:
    """The same first and last name for the same number."""
    return FIRST[person % len(FIRST)], LAST[person // len(FIRST) % len(LAST)]
