"""The use cases of `/auth`, and of another address, put together from the ports that they need."""

from api.ports import AccountPorts
from domain.accounts.changing_addresses import ChangingAddresses
from domain.accounts.changing_passwords import ChangingPasswords
from domain.accounts.confirming import Confirming
from domain.accounts.mailed_links import MailedLinks
from domain.accounts.password_trials import PasswordTrials
from domain.accounts.refreshing import Refreshing
from domain.accounts.registering import Registering
from domain.accounts.renewing import PasswordRenewal
from domain.accounts.resetting import Resetting
from domain.accounts.signing_in import SigningIn
from domain.accounts.signing_out import SigningOut


def registering(ports: AccountPorts) -> Registering:
    return Registering(ports.users, ports.passwords, _mailed(ports), ports.post, ports.audit)


def confirming(ports: AccountPorts) -> Confirming:
    return Confirming(ports.users, _mailed(ports), ports.audit)


def signing_in(ports: AccountPorts) -> SigningIn:
    trials = PasswordTrials(ports.passwords, ports.sign_ins)
    return SigningIn(ports.users, ports.sessions, trials, ports.tokens, _mailed(ports), ports.audit, ports.marks)


def refreshing(ports: AccountPorts) -> Refreshing:
    return Refreshing(ports.users, ports.sessions, ports.tokens, ports.audit)


def signing_out(ports: AccountPorts) -> SigningOut:
    return SigningOut(ports.sessions, ports.tokens, ports.audit)


def resetting(ports: AccountPorts) -> Resetting:
    trials = PasswordTrials(ports.passwords, ports.sign_ins)
    return Resetting(
        ports.users, ports.keys, ports.passwords, _mailed(ports), renewal(ports), trials, ports.audit, ports.pause
    )


def changing_passwords(ports: AccountPorts) -> ChangingPasswords:
    trials = PasswordTrials(ports.passwords, ports.sign_ins)
    return ChangingPasswords(ports.users, ports.passwords, trials, renewal(ports))


def changing_addresses(ports: AccountPorts) -> ChangingAddresses:
    trials = PasswordTrials(ports.passwords, ports.sign_ins)
    return ChangingAddresses(ports.users, ports.sessions, _mailed(ports), ports.post, trials, ports.audit)


def renewal(ports: AccountPorts) -> PasswordRenewal:
    return PasswordRenewal(ports.users, ports.sessions, ports.post, ports.audit)


def _mailed(ports: AccountPorts) -> MailedLinks:
    return MailedLinks(ports.users, ports.links, ports.tokens, ports.post)
