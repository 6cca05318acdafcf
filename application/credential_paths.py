"""Templates of credential paths: which steps recognition usually takes in a country. Data that an organisation can change."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.errors import Invalid


class TemplateUnknown(Invalid):
    code = "template-unknown"
    message = "There is no such template. Leave it out, or name one that the organisation keeps."


@dataclass(frozen=True, slots=True)
class Template:
    """The usual path in a country (ISO 3166-1 alpha-3), as stages in their order. `professions` empty means any."""

    id: str
    country: str
    title: str
    stages: tuple[str, ...]
    professions: tuple[str, ...] = ()


class Templates:
    """The templates at hand."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._by_id = {template.id: template for template in templates}

    def named(self, template_id: str) -> Template:
        """Raises TemplateUnknown."""
        try:
            return self._by_id[template_id]
        except KeyError:
            raise TemplateUnknown(fields=("template",)) from None

    def for_country(self, country: str, profession: str = "") -> Template | None:
        """The one for this profession, else the country's first that is for any, else None."""
        ours = [template for template in self._by_id.values() if template.country == country]
        special = [template for template in ours if profession and profession in template.professions]
        general = [template for template in ours if not template.professions]
        return next(iter(special or general), None)

    def __iter__(self) -> Iterator[Template]:
        return iter(self._by_id.values())
