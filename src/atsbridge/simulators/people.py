"""Invented people, jobs and ids for simulated accounts; the same seed gives the same ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from attrs import frozen

T = TypeVar("T")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    "Ada Aisha Alba Amara Andrei Anika Anouk Arjun Bao Beatriz Bruno Camille Carlos Chidi Chloe Daan Dalia "
    "Darya Diego Elif Emeka Emil Enzo Esther Fatima Felix Freya Gael Giulia Goran Hana Hassan Hugo Ibrahim "
    "Ines Ingrid Isla Ivan Jamal Jana Jin Joao Jonas Kaito Karim Katya Kemal Kofi Lara Leila Leon Linh Luca "
    "Maeve Magnus Malik Marta Mateo Mei Mika Mira Nadia Naoki Nia Nikhil Noor Olga Omar Oskar Pablo Petra "
    "Priya Rafael Rania Renata Rohan Rosa Sami Sanna Selma Sofia Soren Tariq Tess Thabo Theo Uma Viktor Wen "
    "Yara Yusuf Zara Zofia"
)
FAMILY = _words(
    "Abadi Abara Adeyemi Almeida Andersen Aydin Bakker Baptiste Barros Becker Bianchi Borg Castro Chen Costa "
    "Cruz Dahl Diallo Dimitrov Duarte Eriksen Farah Ferrari Fischer Fofana Garcia Ghosh Greco Haddad Haile "
    "Hansen Herrera Horvat Hughes Ito Ivanova Jansen Jensen Kaya Keller Khan Kim Kovacs Kowalski Kuroda "
    "Larsen Laurent Lind Lopez Mbeki Mendez Mensah Meyer Moreau Mori Mwangi Nair Ndiaye Nguyen Novak Obi "
    "Okafor Oliveira Ortiz Park Patel Pereira Petrov Popescu Quinn Ramos Rao Reyes Rossi Sato Schmidt Silva "
    "Singh Sousa Suzuki Svensson Tan Tanaka Torres Toure Vargas Vogel Weber Wolff Yilmaz Zhang Zielinski"
)
CITIES = (
    "Porto, Portugal",
    "Berlin, Germany",
    "Lyon, France",
    "Toronto, ON",
    "San Francisco, CA",
    "Philadelphia, PA",
    "Nairobi, Kenya",
    "Osaka, Japan",
    "Pune, India",
    "Warsaw, Poland",
    "Bogota, Colombia",
    "Leeds, United Kingdom",
    "",
)
COMPANIES = (
    "Acme Ltd",
    "Blue Harbour",
    "Cobalt Works",
    "Delta Foundry",
    "Evergreen Foods",
    "Fjord Analytics",
    "Granite Bank",
    "Halcyon Health",
    "Ironwood",
    "Juniper Freight",
    "Kestrel Air",
    "Lumen Labs",
)
LEVELS = ("", "", "Junior ", "Senior ", "Lead ")
ROLES = (
    "Accountant",
    "Account Executive",
    "Backend Engineer",
    "Data Analyst",
    "Designer",
    "Field Technician",
    "Frontend Engineer",
    "Customer Success Partner",
    "Nurse",
    "Operations Planner",
    "Product Owner",
    "Recruiter",
    "Solutions Engineer",
    "Warehouse Supervisor",
)
DEPARTMENTS = ("Engineering", "Finance", "Marketing", "Operations", "People", "Sales", "Support")


@frozen(kw_only=True)
class Marks:
    """Words woven into what simulators invent, so that a test can find it again; none by default.

    Args:
        person: into names, e-mail addresses, companies and places; letters and digits.
        phone: digits, into phone numbers.
        secret: into keys and tokens; letters and digits.
    """

    person: str = ""
    phone: str = ""
    secret: str = ""


marks = Marks()
"""Replaced by `atsbridge.testing.plugin` while tests run."""


@frozen
class Person:
    """Somebody who does not exist; e-mail and phone can be missing, location empty."""

    given: str
    family: str
    email: str | None
    phone: str | None
    location: str
    company: str
    headline: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


def _marked(word: str) -> str:
    return word and f"{word}{marks.person}"


class Inventor:
    """A seeded source of people, jobs and ids.

    ``random`` is open for whoever needs more chance from the same seed. No two
    people of one inventor share an e-mail address or a phone number.

    Args:
        missing_email, missing_phone: the share of people without one.
    """

    def __init__(self, seed: int, *, missing_email: float = 0.1, missing_phone: float = 0.4) -> None:
        self.random = random.Random(seed)
        self._missing_email = missing_email
        self._missing_phone = missing_phone
        self._people = 0

    def person(self) -> Person:
        chance, pick = self.random.random, self._pick
        self._people += 1
        given, family, company = _marked(pick(GIVEN)), _marked(pick(FAMILY)), _marked(pick(COMPANIES))
        email = f"{given}.{family}.{self._people}@example.com".lower()
        phone = f"+1 555{marks.phone} {self._people // 10_000 % 1000:03d} {self._people % 10_000:04d}"
        return Person(
            given=given,
            family=family,
            email=None if chance() < self._missing_email else email,
            phone=None if chance() < self._missing_phone else phone,
            location=_marked(pick(CITIES)),
            company=company,
            headline=f"{pick(ROLES)} at {company}" if chance() < 0.8 else "",
        )

    def job_title(self) -> str:
        return f"{self._pick(LEVELS)}{self._pick(ROLES)}"

    def department(self) -> str:
        return self._pick(DEPARTMENTS)

    def city(self) -> str:
        """Never empty."""
        return self._pick(CITIES[:-1])

    def uuid(self) -> str:
        """A version 4 UUID out of the seed."""
        bits = self.random.getrandbits(128)
        bits = bits & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _pick(self, words: Sequence[T]) -> T:
        return words[int(self.random.random() * len(words))]
