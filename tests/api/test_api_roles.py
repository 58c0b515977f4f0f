"""The roles that policies may ask for are those that people can be given."""

from api.permissions import Permission, of_roles
from axiru.domain.roles import ROLES, VOTING_ROLES


def test_every_role_that_policies_know_lets_a_person_in() -> None:
    assert all(Permission.READ in of_roles([role]) for role in ROLES)


def test_a_role_that_there_is_not_lets_nobody_in() -> None:
    assert of_roles(["treasurer"]) == frozenset()


def test_the_roles_that_policies_take_for_approvers_are_those_that_may_vote() -> None:
    assert {role for role in ROLES if Permission.VOTE in of_roles([role])} == VOTING_ROLES
