"""The page as HTML. All that comes from results is escaped; nothing is loaded from anywhere."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, StrictUndefined

from workflow_src.report.look import STYLE

# Without scripts, fonts, frames, forms or network: pictures are in the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

TEMPLATE = """\
{%- macro badge(verdict) -%}
<span class="badge {{ verdict | replace(' ', '-') if verdict in marks else 'untestable-here' }}">\
<span aria-hidden="true">{{ marks.get(verdict, '·') }}</span>{{ verdict or 'no verdict' }}</span>
{%- endmacro -%}
{%- macro grid(table, caption, label) -%}
<div class="scroll" tabindex="0" role="region" aria-label="{{ label }}">
<table{% if table.wide %} class="wide"{% endif %}><caption><span>{{ caption }}</span></caption>
<thead><tr>{% for head in table.heads %}<th scope="col"{% if head.number %} class="n"{% endif %}>{{ head.text }}</th>\
{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}<tr>{% for cell in row %}{% if loop.first %}<th scope="row"\
{% if cell.number %} class="n"{% endif %}>{{ cell.text }}</th>{% else %}<td class="{{ 'n' if cell.number else 'short' }}">\
{{ cell.text }}</td>{% endif %}{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{%- endmacro -%}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>GTF-DEER reproduction: {{ "beyond the paper, preset" if beyond else "results of the preset" }} {{ preset }}</title>
<link rel="icon" href="data:,">
<style>{{ style }}</style>
{{ carried }}
</head>
<body>
<a class="skip" href="#content">Skip to the results</a>
<div class="page">
<header>
<p class="kicker">Independent reproduction · preset {{ preset }}</p>
<h1>Training recurrent networks in parallel over time{{ ": beyond the paper" if beyond }}</h1>
<p class="lead">{{ "Figures that the paper does not have, from" if beyond else "What came out of" }} the preset <em>{{ preset }}</em> of a reproduction, written from the equations alone, of Hess, \
Götz and Durstewitz 2026, <cite>Parallel-in-Time Training of Recurrent Neural Networks for Dynamical Systems \
Reconstruction</cite> (arXiv 2605.12683). Of \
{{ runs }} trained run{{ '' if runs == 1 else 's' }} in {{ experiments }} experiment{{ '' if experiments == 1 else 's' }}, \
{{ lost | length or 'none' }} diverged. \
{% if claims %}{{ claims | length }} claim{{ '' if claims | length == 1 else 's' }} of the paper {{ 'was' if claims | length == 1 else 'were' }} judged: \
{% for name, count in verdicts %}{{ count }} {{ name or 'without verdict' }}{{ '' if loop.last else ', ' }}{% endfor %}.\
{% elif not beyond %}This preset judges no claims of the paper.{% endif %}</p>
<ul class="tally">
{% for name, count in (verdicts if claims else []) %}<li><b>{{ count }}</b>{{ badge(name) }}</li>
{% endfor %}<li><b>{{ runs }}</b><span>trained runs</span></li>
<li><b>{{ lost | length }}</b><span>diverged</span></li>
<li><b>{{ times.cpu }}</b><span>processor time</span></li>
</ul>
<dl class="meta">
<dt>Preset</dt><dd><code>{{ preset_file }}</code></dd>
<dt>Commit</dt><dd><code>{{ commit.id }}</code>{% if commit.others %}, and {{ commit.others }} other\
{{ '' if commit.others == 1 else 's' }}{% endif %}{% if commit.dirty %}; {{ commit.dirty }} jobs ran in a changed tree{% endif %}</dd>
{% if claims_file %}<dt>Claims</dt><dd><code>{{ claims_file.path }}</code>, \
{% if claims_file.commit %}last changed at commit <code>{{ claims_file.commit }}</code>\
{% else %}SHA-256 <code>{{ claims_file.sha256 }}</code>{% endif %}</dd>
{% endif %}</dl>
</header>
<nav aria-label="Contents"><ul>
{% if not beyond %}<li><a href="#claims">Claims</a></li>
{% endif %}{% if figures %}<li><a href="#figures">Figures</a></li>
{% endif %}{% if tables %}<li><a href="#tables">Tables</a></li>
{% endif %}<li><a href="#assumptions">Assumptions</a></li>
<li><a href="#diverged">Diverged runs</a></li>
<li><a href="#times">Run times</a></li>
<li><a href="#machines">Versions and machines</a></li>
<li><a href="#audit">Audit</a></li>
</ul></nav>
<main id="content" tabindex="-1">

{% if not beyond %}<section id="claims" aria-labelledby="claims-title">
<h2 id="claims-title">Claims of the paper</h2>
{% if claims %}<p>What the paper says in words, and whether the runs of this preset bear it out. A verdict is about \
these runs: their sizes and settings are not the paper's wherever those are assumed.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Claims and verdicts">
<table><caption><span>Effect with its interval; p, plain and corrected after Holm; values that were used and that failed.</span></caption>
<thead><tr><th scope="col">Claim</th><th scope="col">Verdict</th><th scope="col">Finding</th>\
<th scope="col" class="n">Effect, interval</th><th scope="col" class="n">p, after Holm</th><th scope="col" class="n">Values, failed</th></tr></thead>
<tbody>
{% for one in claims %}<tr id="claim-{{ loop.index }}"><th scope="row" class="short">{{ one.claim }}<span class="under">{{ one.where }}</span></th>\
<td class="reason">{{ badge(one.verdict) }}{% if one.reason %}<span class="under">{{ one.reason }}</span>{% endif %}</td>\
<td class="text">{{ one.finding }}</td>\
{% if one.judged %}<td class="n">{{ one.effect }} {{ one.effect_unit }}{% if one.low != "–" or one.high != "–" %}<span class="under">{{ one.low }} to {{ one.high }}</span>{% endif %}</td>\
<td class="n">{{ one.p }}<span class="under">Holm {{ one.p_holm }}</span></td>\
<td class="n">{{ one.used }} {{ one.unit }}<span class="under">{{ one.failed }} failed</span></td>\
{% else %}<td class="n">–</td><td class="n">–</td><td class="n">–</td>{% endif %}</tr>
{% endfor %}</tbody></table></div>
<details><summary>How each claim was judged</summary>
<div class="scroll" tabindex="0" role="region" aria-label="How each claim was judged">
<table><caption><span>What was compared, and by which test.</span></caption>
<thead><tr><th scope="col">Claim</th><th scope="col">Comparison</th><th scope="col">Test</th></tr></thead>
<tbody>
{% for one in claims %}<tr><th scope="row" class="short">{{ one.claim }}</th><td class="text">{{ one.comparison }}</td>\
<td class="text">{{ one.test }}</td></tr>
{% endfor %}</tbody></table></div></details>
<p class="links"><a href="claims.csv">claims.csv</a></p>
{% else %}<p>This preset judges no claims. Its figures and tables show what came out, without a verdict.</p>
{% endif %}</section>
{% endif %}

{% if figures %}<section id="figures" aria-labelledby="figures-title">
<h2 id="figures-title">Figures</h2>
{% for one in figures %}<figure class="plot" id="{{ one.name }}" aria-labelledby="{{ one.name }}-title">
<h3 id="{{ one.name }}-title">{{ one.label }}. {{ one.words.title }}</h3>
<div class="card"><a href="{{ one.file }}.pdf"><img src="data:image/png;base64,{{ one.image }}" width="{{ one.size[0] }}" \
height="{{ one.size[1] }}" alt="{{ one.label }}. {{ one.words.alt }} {{ one.seen }}"></a></div>
<figcaption>
<p>{{ one.words.caption }}</p>
<p class="counts">{{ one.counts | join('; ') }}.</p>
<p class="links"><a href="{{ one.file }}.pdf">PDF<span> of {{ one.label }}</span></a> \
<a href="{{ one.file }}.csv">numbers (CSV)<span> of {{ one.label }}</span></a></p>
<pre tabindex="0" aria-label="Command that makes {{ one.label }}"><code>{{ one.command }}</code></pre>
</figcaption>
</figure>
{% endfor %}{% if elsewhere %}<p>Beyond the paper, with a page of their own: {{ elsewhere | join(', ') }}. What they need is trained first.</p>
<pre tabindex="0" aria-label="Command that makes the figures beyond the paper"><code>snakemake -c2 --configfile {{ preset_file }} -- extras</code></pre>
{% endif %}</section>
{% endif %}
{% if tables %}<section id="tables" aria-labelledby="tables-title">
<h2 id="tables-title">Tables</h2>
{% for one in tables %}<div class="plain" id="{{ one.name }}">
<h3>{{ one.label }}. {{ one.words.title }}</h3>
{% if one.table.long %}<details><summary>All {{ one.table.rows | length }} rows of {{ one.label }}</summary>
{{ grid(one.table, one.words.caption or one.words.title, one.label) }}
</details>
{% else %}{{ grid(one.table, one.words.caption or one.words.title, one.label) }}
{% endif %}<p class="links"><a href="tables/{{ one.name }}.csv">CSV</a> <a href="tables/{{ one.name }}.md">Markdown</a> \
<a href="tables/{{ one.name }}.tex">LaTeX</a> <code>{{ one.command }}</code></p>
</div>
{% endfor %}</section>
{% endif %}
<section id="assumptions" aria-labelledby="assumptions-title">
<h2 id="assumptions-title">Assumptions</h2>
<p>The public text of the paper has lost nearly all of its numbers. Where a value of this preset was not found in the paper or in a work it \
cites, it is assumed, and the results hold for that value.</p>
{% if sources %}<p class="counts">Values by source: {% for name, count in sources %}{{ name }} {{ count }}\
{{ '' if loop.last else '; ' }}{% endfor %}.</p>
{% endif %}{% if unequal %}<h3>Where models of one experiment differ</h3>
<p>What is compared differs in these settings too.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Settings in which models differ">
<table><caption><span>Assumed settings with several values among the models of one experiment.</span></caption>
<thead><tr><th scope="col">Hyper-parameter</th><th scope="col">Values</th><th scope="col">Experiment</th><th scope="col">Source</th></tr></thead>
<tbody>
{% for one in unequal %}<tr><th scope="row">{{ one.key }}</th><td class="short">{{ one.value }}</td><td>{{ one.where }}</td>\
<td class="text">{{ one.source }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}{% if varied %}<h3>What Figure S1 varies</h3>
<p>How far the findings depend on these choices is to be seen in \
{% if beyond %}<a href="#figureS1">Figure S1</a>.{% else %}Figure S1 on the <a href="extras/report.html#figureS1">page beyond the paper</a>, which is there once it has been made:{% endif %}</p>
{% if not beyond %}<pre tabindex="0" aria-label="Command that makes the page beyond the paper"><code>snakemake -c2 --configfile {{ preset_file }} -- extras</code></pre>
{% endif %}
<div class="scroll" tabindex="0" role="region" aria-label="Choices that Figure S1 varies">
<table><caption><span>The value behind the other figures, and all values that Figure S1 sets beside each other.</span></caption>
<thead><tr><th scope="col">Choice</th><th scope="col">Here</th><th scope="col">Tried</th></tr></thead>
<tbody>
{% for one in varied %}<tr><th scope="row" class="text">{{ one.label }}</th><td>{{ one.reference }}</td><td class="text">{{ one['values'] | join('; ') }}</td></tr>
{% endfor %}</tbody></table></div>
{% endif %}{% if assumed %}<details><summary>All {{ assumed | length }} assumed values</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Assumed values">
<table><caption><span>Equal values of several parts of the preset stand in one row.</span></caption>
<thead><tr><th scope="col">Hyper-parameter</th><th scope="col">Value</th><th scope="col">Part</th><th scope="col">Source</th></tr></thead>
<tbody>
{% for one in assumed %}<tr><th scope="row">{{ one.key }}</th><td class="short">{{ one.value }}</td><td class="text">{{ one.where }}</td>\
<td class="text">{{ one.source }}</td></tr>
{% endfor %}</tbody></table></div></details>
{% else %}<p>No value of this preset is marked as assumed.</p>
{% endif %}</section>

<section id="diverged" aria-labelledby="diverged-title">
<h2 id="diverged-title">Diverged runs</h2>
{% if lost %}<p>{{ lost | length }} of {{ runs }} runs did not stay finite. They are counted in every figure and table: \
in medians as the worst, while means are those of the finite runs.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Diverged runs">
<table><caption><span>Each run that did not stay finite, and when.</span></caption>
<thead><tr><th scope="col">Experiment</th><th scope="col">Model</th><th scope="col" class="n">T</th><th scope="col" class="n">Seed</th>\
<th scope="col">Diverged</th></tr></thead>
<tbody>
{% for one in lost %}<tr><th scope="row">{{ one.experiment }}</th><td>{{ one.label }} (<code>{{ one.model }}</code>)</td>\
<td class="n">{{ one.length }}</td><td class="n">{{ one.seed }}</td><td>{{ one.how }}</td></tr>
{% endfor %}</tbody></table></div>
{% else %}<p>{% if runs %}None: all {{ runs }} runs stayed finite, in training and in free-running generation.{% else %}\
This preset trains nothing.{% endif %}</p>
{% endif %}</section>

<section id="times" aria-labelledby="times-title">
<h2 id="times-title">Run times</h2>
<p>{% if times.clock %}From the first start of a job ({{ times.first }}) to the last end {{ times.clock }} passed on the clock; \
during {{ times.busy }} of it at least one job ran. {% endif %}{{ times.jobs }} jobs that state their times took {{ times.wall }} one after the other and {{ times.cpu }} of processor time\
{% if times.rows %}; {{ times.rows[0].share }} % of the former went into the step <em>{{ times.rows[0].step }}</em>{% endif %}. \
Times begin when a step has been imported; jobs may have run side by side.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Run times by step">
<table><caption><span>Sums over the jobs of each step; memory is that of the largest job.</span></caption>
<thead><tr><th scope="col">Step</th><th scope="col" class="n">Jobs</th><th scope="col" class="n">Wall time</th><th scope="col" class="n">CPU time</th>\
<th scope="col" class="n">Peak memory (MiB)</th><th scope="col">Share of wall time</th></tr></thead>
<tbody>
{% for one in times.rows %}<tr><th scope="row">{{ one.step }}</th><td class="n">{{ one.jobs }}</td><td class="n">{{ one.wall }}</td>\
<td class="n">{{ one.cpu }}</td><td class="n">{{ one.memory }}</td><td class="n">{{ one.share }} %\
<span class="bar" aria-hidden="true"><i style="width:{{ one.share }}%"></i></span></td></tr>
{% endfor %}</tbody></table></div>
</section>

<section id="machines" aria-labelledby="machines-title">
<h2 id="machines-title">Versions and machines</h2>
<p>{% for name, version in versions %}{{ name }} {{ version }}{{ '' if loop.last else ', ' }}{% endfor %}. \
Installed from {{ locks | join(', ') or 'no lock that is known' }}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Machines">
<table><caption><span>Where the jobs ran.</span></caption>
<thead><tr><th scope="col">Host</th><th scope="col">Processor</th><th scope="col" class="n">Cores</th><th scope="col">GPU driver</th>\
<th scope="col" class="n">Jobs</th></tr></thead>
<tbody>
{% for one in machines %}<tr><th scope="row">{{ one.host }}</th><td>{{ one.cpu }}</td><td class="n">{{ one.cores }}</td>\
<td>{{ one.driver or 'none' }}</td><td class="n">{{ one.jobs }}</td></tr>
{% endfor %}</tbody></table></div>
</section>

<section id="audit" aria-labelledby="audit-title">
<h2 id="audit-title">How to audit this page</h2>
<p>The page carries the record of what it was made from, down to the simulated data, and a hash over all of itself. In a clone of the \
project, even without any results, this says where it comes from and whether every link holds:</p>
<pre tabindex="0" aria-label="Command that audits this page"><code>python -m workflow_src audit {{ page }}</code></pre>
<p>It is made by</p>
<pre tabindex="0" aria-label="Command that makes this page"><code>snakemake -c2 --configfile {{ preset_file }} -- {{ page }}</code></pre>
</section>
</main>
<footer><p>An independent reproduction; the paper is the work of its authors, with whom this project is not affiliated.</p></footer>
</div>
</body>
</html>
"""


def render(content: Mapping[str, Any], carried: str) -> str:
    """The page.

    Args:
        content: as `content.gather` finds it.
        carried: the elements with record and seal, as they stand.
    """
    template = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True).from_string(TEMPLATE)
    # Style and record are the only text that is not escaped here; the latter was when it was made.
    return template.render(content, style=_Plain(STYLE), carried=_Plain(carried), policy=POLICY)


class _Plain(str):
    """Text that stands in the page as it is."""

    def __html__(self) -> str:
        return str(self)
