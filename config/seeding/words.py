"""Names, streets, goods and sentences of which made-up data is put together."""

from __future__ import annotations

FIRST = (
    "Ada Alva Arne Asta Bea Bo Dag Dina Edda Egil Eira Elin Emil Esben Falk "
    "Frida Gro Hedda Ida Ingrid Ivar Jonas Kari Lars Lea Liv Magnus Maja Mia "
    "Nils Nora Odin Ola Pia Rolf Runa Saga Siri Sven Tara Tore Tuva Ulf Una "
    "Vera Vidar Ylva"
).split()
LAST = (
    "Aas Bakke Berg Dahl Eide Fjeld Foss Gran Hagen Haug Holm Krogh Lie Lund "
    "Moe Myhre Nygard Odden Roth Rud Sand Sletten Solberg Strand Sunde Tangen "
    "Vik Voll"
).split()
STREETS = ("Storgata Kirkeveien Havnegata Skolegata Fjordveien Parkveien").split()
TOWNS = [("Oslo", "0150"), ("Bergen", "5003"), ("Tromso", "9008"), ("Bodo", "8006")]
GOODS = [
    ("Rye bread", "4.50"),
    ("Oat bread", "4.20"),
    ("Cardamom bun", "2.80"),
    ("Birthday cake", "38.00"),
    ("Coffee, 250 g", "9.90"),
]

# Names that are easy to get wrong on a page, and how each is written in an address.
RARE_NAMES = [
    ("Hannelore Freifrau von Schwarzenberg-Hohenfels zu Oberwiesenthal", "hannelore"),
    ("Maximilian-Alexander Wolfgang Oberholzer-Niederleitinger", "m.a.oberholzer"),
    ("Dr. med. Annegret Müller-Lüdenscheidt", "a.mueller"),
    ("فاطمة الزهراء بنت محمد العلي", "fatima.alali"),
    ("عبد الرحمن الخطيب", "a.alkhatib"),
    ("ليلى حداد", "layla.haddad"),
    ("שרה כהן-לוי", "sara.cohen"),
    ("יוסף בן דוד", "yosef.bendavid"),
    ("Siobhán O'Connor", "siobhan.oconnor"),
    ("Jean-Luc D'Arcy", "jl.darcy"),
    ("Maeve O\u2019Dwyer", "maeve.odwyer"),
    ("José María Núñez de la Peña", "jose.nunez"),
    ("Łukasz Żółkiewski", "lukasz.z"),
    ("Ólafur Þórðarson", "olafur"),
    ("Nguyễn Thị Ánh", "anh.nguyen"),
    ("山田 花子", "hanako.yamada"),
    ("Δήμητρα Παπαδοπούλου", "dimitra.p"),
    ("Ng", "ng"),
    ("Café Ørsted & Søn A/S", "kontor.orsted"),
    ("Kindergarten „Die kleinen Strolche“ e. V.", "strolche"),
]
SOUTHERN_FIRST = (
    "Afonso Beatriz Carlota Diogo Francisca Gaspar Helena Joana Leonor Matilde Nuno "
    "Rita Salvador Teresa Vasco"
).split()
SOUTHERN_LAST = (
    "Almeida Barros Carvalho Duarte Esteves Faria Lopes Marques Neves Pinto Queiroz "
    "Ramos Sequeira Teixeira Viana"
).split()
SOUTHERN_STREETS = ["Rua Augusta", "Rua da Rosa", "Avenida da Liberdade"]
SOUTHERN_TOWNS = [("Lisboa", "1100-053"), ("Porto", "4000-322"), ("Faro", "8000-164")]
# Who buys at the counter and leaves a first name or less, and no way to be reached.
NO_CONTACT = [
    "Lady with the red bicycle",
    "Market, Saturday",
    "Knut",
    "Two boxes on Fridays",
]
SESSIONS = [
    ("Portrait session", "140.00"),
    ("Family session", "220.00"),
    ("Darkroom evening", "45.00"),
    ("Passport photos", "18.00"),
    ("Framed print, 40 x 60", "95.00"),
]

NOTES = {
    "personal": [
        "Daughter starts school this autumn.",
        "Speaks German and a little Norwegian.",
        "Uses a wheelchair: the side door has no step.",
    ],
    "preference": [
        "Likes to collect in the evening.",
        "Wants everything on one invoice.",
        "Wants a call, never a text message.",
    ],
    "issue": [
        "Was charged twice in spring, money went back the same day.",
        "Two deliveries stood in the rain. Leave them in the hall.",
    ],
    "feedback": [
        "Praises how quickly we answer.",
        "Finds the new opening hours confusing.",
    ],
    "other": [
        "Knows the owner from the choir.",
        "Asked whether we do weddings. Sent the leaflet.",
    ],
}
FLAGS = {
    "verified": "showed an identity card at the counter",
    "pays-cash": "asked for it on the phone",
    "fragile-goods": "asked for extra wrapping",
    "restricted": "three unpaid invoices",
    "press": "writes for the local paper",
}

# What people ask for, and how each begins.
QUESTIONS = [
    ("Cake for Saturday", "Can you still make a cake for twelve by Saturday?"),
    ("Wrong bread in the bag", "I had ordered oat and found rye. What now?"),
    ("Invoice without our number", "Our bookkeeper needs the order number on it."),
    ("Delivery came too late", "It was to be here at seven and came at ten."),
    ("Please change my address", "We have moved. The new one is in my account."),
    ("Charged twice", "My card shows the same amount twice. Please look."),
    ("Is there sesame in the buns?", "My son is allergic, so I need to be sure."),
    ("Cannot sign in", "The link in the mail says that it is no longer valid."),
    ("Opening hours at Easter", "Are you open on Good Friday?"),
    ("Standing order for the office", "Forty buns each Monday, from next month on."),
    ("Voucher does not work", "The code is refused at the last step."),
    ("Prices for a kiosk", "We would sell your bread. What do you charge shops?"),
]
STUDIO_QUESTIONS = [
    ("When are the pictures ready?", "You said two weeks; it is nearly three."),
    ("New date for our session", "The little one is ill. Is Thursday possible?"),
    ("Print is scratched", "There is a scratch in the lower corner."),
    ("Invoice for the company", "Please put the name of the company on it."),
]
ANSWERS = [
    "Thank you for writing. We look into it and answer again today.",
    "That is our mistake, and we are sorry. You find the difference as credit.",
    "We have changed it. Please tell us if anything is still wrong.",
]
INTERNAL = [
    "Called the colleague who was there.",
    "Third time this month.",
]
