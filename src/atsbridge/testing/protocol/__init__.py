"""An exhaustive check of the write-back protocol: the real code against a model of an ATS.

Nothing of the protocol is written down here a second time. `environment` holds
a tiny ATS with one application and everything that can go wrong around it;
`steps` drives the real `Outbound.lane` and `Outbound.intake`, effect by effect;
`explore` tries every order of what can happen next and keeps each state once;
`verdicts` looks at the ATS's own log and at the receipts.

What is explored: every effect of a lane (a ledger transaction, a read, a send,
a wait) is a point at which the worker can die, stop for a while, be overtaken
by another worker, by people in the ATS or by a recruiter's next change. Within
one ledger transaction and within one read nothing else happens. Time moves from
one moment that some rule looks at to the next. A person's move in the ATS is
put only right before something that can see it, and a change of the recruiter's
only between transactions: in any other place it would make no difference.

What is not: more than one application, SQL isolation, the HTTP stack, and the
time a worker needs between its steps, which is either none or a pause.
"""

from .explore import Explored, explore
from .model_ats import WriteClass
from .scenarios import SCENARIOS, Scenario, configurations
from .verdicts import Violation

__all__ = ["SCENARIOS", "Explored", "Scenario", "Violation", "WriteClass", "configurations", "explore"]
