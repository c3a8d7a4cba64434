"""The errors that eksauth raises on purpose; each says what happened and what to do.

    EksauthError                    exit 7  base; also "this is a bug in eksauth"
    ├── Refused                     exit 1  the answer is no (a token or request was judged and refused)
    ├── UsageError                  exit 2  the command line makes no sense
    ├── ConfigError                 exit 3  a file or variable we were told to read is unusable
    ├── CredentialsError            exit 4  no AWS credentials, or unusable ones
    ├── AwsError                    exit 5  AWS answered with an error
    │   └── AwsUnreachable          exit 5  AWS did not answer
    └── KubernetesError             exit 6  a Kubernetes API refused or did not answer

Only the command line turns these into text and exit codes; nothing below it prints or exits. Messages are lower case,
one line, without a full stop, and never hold a token, key or assertion.
This module is on the path that kubectl waits for: it imports nothing.
"""


class EksauthError(Exception):
    """Base of every deliberate error.

    :param message: what happened, one line.
    :param hint: what the reader can do about it; one line, or None when there is nothing useful to say.
    :param code: stable machine-readable reason such as ``token.expired``; defaults to the class's own.
    """

    exit_code = 7
    code = "internal"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.message


class Refused(EksauthError):
    """The question was understood and the answer is no."""

    exit_code = 1
    code = "refused"


class UsageError(EksauthError):
    """The command line or the arguments of a library call contradict themselves or miss something."""

    exit_code = 2
    code = "usage"


class ConfigError(EksauthError):
    """A configuration file or environment variable is missing, unreadable or malformed."""

    exit_code = 3
    code = "config"


class CredentialsError(EksauthError):
    """There are no AWS credentials, or the ones found cannot be used."""

    exit_code = 4
    code = "credentials"


class AwsError(EksauthError):
    """AWS answered, and the answer is an error; ``code`` is ``aws.`` plus the service's own code where known."""

    exit_code = 5
    code = "aws"


class AwsUnreachable(AwsError):
    """AWS could not be reached: name resolution, connection, TLS or timeout."""

    code = "aws.unreachable"


class KubernetesError(EksauthError):
    """A Kubernetes API refused a request or could not be reached."""

    exit_code = 6
    code = "kubernetes"
