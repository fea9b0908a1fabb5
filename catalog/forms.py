"""The forms of sources and cloud accounts. What an action refuses is put at the field it names."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.forms import ActionForm as ActionForm
from accounts.forms import TypedNameForm
from accounts.forms import posted as posted
from accounts.models import SITES
from catalog.actions.sources import LEAST_MINUTES, MOST_MINUTES
from catalog.providers import PROVIDERS, Narrowing, is_region, kind_choices

# Where a connection is tried when nobody says where.
FIRST_REGION = {"alibaba": "cn-hangzhou", "huawei": "cn-north-4"}
MOST_AT_ONCE = 50
MOST_TESTED = 5
# Calls of one test of an account's own sources: a few seconds each where a cloud does not answer.
MOST_CHECKED = 60


def split_words(text: str) -> list[str]:
    """Words apart by white space, commas or semicolons, Chinese ones too; each once."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;,;、]+", text) if word))


class WordsField(forms.CharField):
    """Several words in one box. Its value is a list."""

    def __init__(self, *, most: int = MOST_AT_ONCE, **options: Any) -> None:
        super().__init__(max_length=8000, **options)
        self.most = most

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        words = split_words(super().clean(value))
        if len(words) > self.most:
            raise ValidationError(_("At most %(most)d at once.") % {"most": self.most})
        return words


class RegionsField(WordsField):
    def clean(self, value: Any) -> list[str]:
        regions = super().clean(value)
        for region in regions:
            if not is_region(region):
                raise ValidationError(
                    _("“%(region)s” is not a region: small letters, digits and hyphens, as in cn-hangzhou.")
                    % {"region": region[:60]}
                )
        return regions


def minutes_field() -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Minutes between syncs"),
        min_value=LEAST_MINUTES,
        max_value=MOST_MINUTES,
        initial=60,
        help_text=gettext_lazy("15 at least."),
    )


def after_field() -> forms.ChoiceField:
    """What becomes of the images. Nothing is chosen beforehand: both are right for somebody."""
    return forms.ChoiceField(
        label=gettext_lazy("What becomes of its images?"),
        widget=forms.RadioSelect,
        choices=[
            ("archive", gettext_lazy("Keep them on the shelf, archived")),
            ("remove", gettext_lazy("Remove them with it")),
        ],
        error_messages={"required": gettext_lazy("Choose what becomes of the images.")},
    )


class SourceForm(ActionForm):
    """One kind of a vendor, several regions or several clusters of one region, narrowing, schedule."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What to list"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what to list.")},
    )
    regions = RegionsField(
        label=gettext_lazy("Regions"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("One or several, apart by commas or lines, such as cn-hangzhou. Each becomes a source."),
    )
    clusters = WordsField(
        label=gettext_lazy("Clusters"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("Cluster IDs of one region, each of which becomes a source. Blank lists all clusters."),
    )
    every_minutes = minutes_field()

    def __init__(self, vendor: str, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = [kind for kind, _label in kind_choices(vendor)]
        choices = self.fields["kind"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = kind_choices(vendor)
        if len(kinds) == 1:
            self.initial.setdefault("kind", kinds[0])
        for kind in kinds:
            for narrowing in PROVIDERS[kind].narrowing:
                self.fields[_narrowing_name(kind, narrowing)] = _narrowing_field(narrowing)

    def narrowing_fields(self) -> dict[str, list[forms.BoundField]]:
        """Bound fields by kind, for the page."""
        kinds = [kind for kind, _label in kind_choices() if PROVIDERS[kind].narrowing]
        bound = {kind: [_narrowing_name(kind, narrowing) for narrowing in PROVIDERS[kind].narrowing] for kind in kinds}
        return {kind: [self[name] for name in names] for kind, names in bound.items() if names[0] in self.fields}

    def wanted(self) -> dict[str, Any]:
        """The arguments of actions.add_sources. What the chosen kind does not take was hidden, and is left out."""
        data = self.cleaned_data
        provider = PROVIDERS[data["kind"]]
        return {
            "kind": provider.kind,
            "regions": data["regions"],
            "clusters": data["clusters"] if provider.cluster else [],
            "narrowing": {n.name: data[_narrowing_name(provider.kind, n)] for n in provider.narrowing},
            "every_minutes": data["every_minutes"],
        }


def _narrowing_name(kind: str, narrowing: Narrowing) -> str:
    return f"{kind}-{narrowing.name}"


def _narrowing_field(narrowing: Narrowing) -> forms.Field:
    label: Any = narrowing.label
    if narrowing.choices:
        choices = [("", gettext_lazy("All")), *narrowing.choices]
        return forms.ChoiceField(label=label, choices=choices, required=False)
    return forms.CharField(label=label, max_length=100, required=False)


class ScheduleForm(ActionForm):
    every_minutes = minutes_field()


class DeleteSourceForm(ActionForm):
    images = after_field()


class CloudAccountForm(ActionForm):
    """What is asked beside the vendor's own credential form."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("As your team calls it, such as “Aero HPC production”."),
    )
    site = forms.ChoiceField(
        label=gettext_lazy("Site"), choices=list(SITES.items()), initial="china", widget=forms.RadioSelect
    )
    regions = RegionsField(
        label=gettext_lazy("Regions to try"),
        most=MOST_TESTED,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("Where the connection is tested, such as cn-hangzhou, cn-shanghai."),
    )

    def __init__(self, *args: Any, fixed_site: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if fixed_site:
            del self.fields["site"]


class DeleteCloudAccountForm(TypedNameForm):
    images = after_field()

    def __init__(self, name: str, *args: Any, **options: Any) -> None:
        super().__init__(name, *args, **options)
        self.fields["confirm"].label = _("Type the name of the cloud account to confirm")
        self.order_fields(["images", "confirm"])


def all_checks(vendor: str, regions: list[str]) -> list[Mapping[str, str | None]]:
    """Every listing of the vendor in each region: what sources of this account could call."""
    return [{"kind": kind, "region": region} for kind, _label in kind_choices(vendor) for region in regions]
