# SPDX-License-Identifier: MIT
"""The frame of the command line: the group of verbs, the flags they share, help with examples first, exit statuses.

A verb is a click command of class Verb in tools/verbs/; its module is imported only when the verb is used or listed.
"""

import functools
import importlib
import os
import signal
import sys

import click

from tools import errors, terminal

class Whole(click.ParamType):
    """A whole number of an option."""

    name = "n"

    def __init__(self, least=0, most=None):
        self.least, self.most = least, most

    def convert(self, value, param, context):
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < self.least or (self.most is not None and number > self.most):
            upto = "on" if self.most is None else f"to {self.most}"
            self.fail(f"expected a whole number from {self.least} {upto}, not “{value}”", param, context)
        return number


class Seconds(click.ParamType):
    """A time of an option, above zero."""

    name = "seconds"

    def convert(self, value, param, context):
        try:
            number = float(value)
        except ValueError:
            number = 0
        if not 0 < number < 1e9:
            self.fail(f"expected a number of seconds above 0, not “{value}”", param, context)
        return number


VERBS = ("compare", "simulate", "together", "run", "bench", "trace", "test", "build", "doctor", "list", "new", "abi")

EXAMPLES = """\
./bindery compare                              policies compared on real page faults in QEMU
./bindery compare --policy fifo,clock1 --workload matmul,bfs --memory 1M,2M
./bindery simulate --trace zipf10 --policy all  the same policies on a reference string, on the host
./bindery run --libos dos hello                one application on one library operating system
./bindery bench peers                          the fault path beside Linux's and Xen's, in guest instructions
./bindery new policy NAME                      a policy of your own to begin with
./bindery trace fault loop -o fault.json       the eight steps of each fault, for Perfetto
./bindery test                                 build everything and run every test"""


def shared(function):
    """Gives a verb the flags that every verb has."""

    @click.option("-q", "--quiet", is_flag=True, help="Print the result only.")
    @click.option("-v", "--verbose", count=True, help="Say more about what is done.")
    @click.option("--no-install", is_flag=True, help="Install no packages; name what is missing and exit 3.")
    @functools.wraps(function)
    def wrapped(*arguments, quiet, verbose, no_install, **options):
        terminal.settings(quiet, verbose)
        return function(*arguments, **options)

    return wrapped


def form_of(as_json, as_csv):
    """What tables.write is told."""
    if as_json and as_csv:
        raise errors.Usage("--json and --csv are two forms of one table; give one of them")
    return "json" if as_json else "csv" if as_csv else "table"


def tabular(function):
    """Gives a verb whose result is a table the flags for the form it is printed in, as argument `form`: see
    tables.write."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
    @functools.wraps(function)
    def wrapped(*arguments, as_json, as_csv, **options):
        return function(*arguments, form=form_of(as_json, as_csv), **options)

    return wrapped


class Examples(click.Command):
    """A command whose help begins with examples (`examples=` at its making)."""

    def __init__(self, *arguments, examples="", **options):
        super().__init__(*arguments, **options)
        self.examples = examples

    def format_help(self, context, formatter):
        own = [line for line in self.examples.splitlines() if line.startswith(f"./{context.command_path} ")]
        write_examples(formatter, "\n".join(own) if own and context.parent.parent else self.examples)
        super().format_help(context, formatter)


class Verb(Examples):
    pass


def write_examples(formatter, examples):
    if examples:
        formatter.write("Examples:\n")
        for line in examples.strip("\n").splitlines():
            formatter.write(f"  {line}\n")
        formatter.write("\n")


class Verbs(click.Group):
    """A group that knows its verbs by name and suggests the nearest one."""

    def __init__(self, *arguments, verbs, examples, **options):
        super().__init__(*arguments, **options)
        self.verbs, self.examples = verbs, examples

    def list_commands(self, context):
        return list(self.verbs)

    def get_command(self, context, name):
        if name not in self.verbs:
            return None
        module = importlib.import_module(f"tools.verbs.{self.verbs[name]}")
        return getattr(module, f"verb_{name}")

    def format_commands(self, context, formatter):
        with formatter.section("Commands"):  # the whole sentence of each
            formatter.write_dl([(name, self.get_command(context, name).get_short_help_str(limit=1000))
                                for name in self.verbs])

    def resolve_command(self, context, words):
        if words and words[0] not in self.verbs:
            raise errors.unknown("verb", words[0], self.verbs)
        return super().resolve_command(context, words)

    def format_help(self, context, formatter):
        write_examples(formatter, self.examples)
        super().format_help(context, formatter)


class Subjects(Verbs):
    """A verb whose first word says what: `bench fault`, `trace fault`. Its commands are in the verb's own module."""

    def __init__(self, *arguments, module, verbs, examples, **options):
        super().__init__(*arguments, verbs={verb: module for verb in verbs}, examples=examples, **options)

    def get_command(self, context, name):
        if name not in self.verbs:
            return None
        module = importlib.import_module(f"tools.verbs.{self.verbs[name]}")
        return getattr(module, f"subject_{name}")


@click.command(cls=Verbs, verbs={verb: verb for verb in VERBS}, examples=EXAMPLES,
               context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared
def bindery():
    """An exokernel, its library operating systems, and real page faults to compare policies with.

    Exit status: 0 done, 1 a check failed, 2 bad usage, 3 something is missing on this machine, 124 time-out.
    """


def _end(number, frame):
    """Ends on a signal as on any other error: machines are stopped and temporary files removed on the way out."""
    sys.exit(128 + number)


def _in_words(error):
    """What is wrong with a command line, as one sentence that says what to do."""
    path = error.ctx.command_path if getattr(error, "ctx", None) else "bindery"
    message = error.format_message().strip().rstrip(".")
    if isinstance(error, click.NoSuchOption):
        if error.possibilities:
            return f"unknown option {error.option_name}; did you mean {error.possibilities[0]}?"
        message = f"unknown option {error.option_name}"
    elif isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter) and error.param:
        message = f"{error.param.opts[-1]}: {error.message.rstrip('.')}"
    return f"{message[0].lower()}{message[1:]}; see ./{path} --help"


def run(words):
    """Runs a command line and returns its exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        status = bindery.main(words, prog_name="bindery", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else errors.OK
    except errors.BinderyError as error:
        terminal.complain(error)
        return error.status
    except click.exceptions.Abort:
        terminal.complain("interrupted")
        return 130
    except click.ClickException as error:
        terminal.complain(_in_words(error))
        return errors.USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return errors.FAILED
    except KeyboardInterrupt:
        terminal.complain("interrupted")
        return 130
