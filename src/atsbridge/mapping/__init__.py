"""One customer's mapping: what of the ATS concerns the CRM, in which words, and what may be written back.

A mapping is one reviewed file, TOML or JSON, or a dict. It is data alone:
every string is taken literally, unknown keys are refused, and what it names
must exist in the job's own catalogue. Every table may be left out::

    version = 1

    [scope]                          # which records concern the CRM
    jobs = "open"                    # "all" (default), "open" (not known to be closed), or a list of ids
    departments = ["R&D"]            # default: all
    confidential = false             # confidential jobs and candidates; default false
    prospects = false                # applications without a job; default false
    leads = false                    # sourced, and not applied yet; default true
    terminal = true                  # ended applications; default true
    applied_since = 2024-01-01
    kinds = ["job", "stage"]         # default: all
    fields = ["candidate.emails"]    # for each kind named here, only these fields; default: the whole model

    [steps."Phone Screen"]           # a step of the CRM
    stages = ["Recruiter screen", {id = "88002"}]   # read: by name within each job, or by id
    write = "Recruiter screen"       # written: exactly one; default the only active one; false: read only
    [steps."Phone Screen".jobs."4000123"]           # one job's own
    stages = ["Telephone"]

    [statuses."Rejected"]            # a status of the CRM
    is = "rejected"                  # one or more; of several the reason decides, else the first is written
    step = "Phone Screen"            # for a CRM of pairs: the word holds in this step, or these
    reason = "Not qualified"         # used where the recruiter gave none
    write = false                    # read only; inward = false: written only

    [reasons."Not qualified"]        # a reason of the CRM
    reasons = ["Under-qualified", {id = "7"}]
    write = {id = "7"}
    status = "rejected"              # how an application ended that has it: rejected, withdrawn or hired

    [kinds]                          # stages that the ATS does not type, by name or id
    "Recruiter screen" = "screen"

    [fields.notice]                  # a field of the vendor's that the model does not have
    of = "candidate"
    path = "customFields.notice.0"   # or a list of keys, where a key has a dot in it
    transforms = ["strip", "int"]    # strip lower upper first join date int bool
    label = "Notice period"

    [rules]                          # which changes may leave
    forward_only = false
    jobs = ["4000123"]               # default: all in scope
    not_after_days = 30              # default: never too old
    reason_required = ["rejected"]   # default: none
    hire = ["Hired"]                 # the steps and statuses that may hire; default "off"
    reactivate = false               # may a rejected or withdrawn application become active?
    change_ended = false             # may one be moved, or get another reason, while it has ended?

    [write]
    mode = "off"                     # off (default), shadow, pilot, on
    pilot_jobs = ["4000123"]
    cap_per_hour = 100               # default: no cap

    [acting_user]                    # ATS user ids
    id = "9001"
    by_actor = {"crm user" = "9002"}

    [match]
    email = true                     # link an applicant to the one lead with the same e-mail; default true
"""

from .check import Drift, DriftFinding, MappingFinding, MappingReport, Severity, check_mapping, drift
from .engine import Engine, compile_mapping
from .explain import explain_mapping, explain_update
from .faults import Fault
from .kinds import CROSSWALK, crosswalk, guess_kind
from .reading import load_mapping
from .schema import MappingConfig, Transform, WriteMode
from .suggest import suggest_mapping
from .targets import Refusal

__all__ = [
    "CROSSWALK",
    "Drift",
    "DriftFinding",
    "Engine",
    "Fault",
    "MappingConfig",
    "MappingFinding",
    "MappingReport",
    "Refusal",
    "Severity",
    "Transform",
    "WriteMode",
    "check_mapping",
    "compile_mapping",
    "crosswalk",
    "drift",
    "explain_mapping",
    "explain_update",
    "guess_kind",
    "load_mapping",
    "suggest_mapping",
]
