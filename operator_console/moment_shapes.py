"""Moments for later as a menu offers them, by the clock of the shop."""

from __future__ import annotations

from datetime import datetime

from company import moments
from company.moments import Moment
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Form, Visit


def offered() -> list[Shape]:
    """macros/moments.html takes them."""
    words = {
        Moment.HOUR: _("In an hour"),
        Moment.EVENING: _("This evening"),
        Moment.TOMORROW: _("Tomorrow morning"),
        Moment.MONDAY: _("On Monday"),
    }
    return [
        {"key": moment, "label": words[moment], "at": at} for moment, at in moments.offered(reader().now, reader().zone)
    ]


def chosen(visit: Visit, form: Form) -> datetime:
    """What the form of such a menu says. Raises MomentUnfit, MomentPast, MomentTooFar."""
    return moments.chosen(form["when"], form["at"], visit.reader.now, visit.reader.zone)
