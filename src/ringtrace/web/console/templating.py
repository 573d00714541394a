"""The template engine and what every template may use."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from ringtrace.web.console import charts, wording
from ringtrace.web.console.assets import Assets


def template_config(assets: Assets) -> TemplateConfig[JinjaTemplateEngine]:
    environment = Environment(
        loader=PackageLoader("ringtrace.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=assets.url, words=wording, share_bar=charts.share_bar)
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))
