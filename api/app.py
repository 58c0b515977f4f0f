"""The HTTP API: its routes, what it holds open, and how it is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from litestar import Litestar

from api import logs, openapi
from api.compiling import PolicyCompiler
from api.errors import EXCEPTION_HANDLERS
from api.feed import ChainWatch
from api.intake.charge import PaymentLookup
from api.mcp.server import McpDoor
from api.observation import observe_answer, timed
from api.rate_limit import RateLimit
from api.routes.agents import change_one_agent, get_agent, list_agents, register_agent, retire_one_agent
from api.routes.ap2_issuers import list_ap2_issuers, remove_ap2_issuer, trust_ap2_issuer
from api.routes.approvals import approve, deny, get_approval, list_approvals, vote_on_several
from api.routes.authorizations import consume_token, create_authorization, get_authorization, settle_authorization
from api.routes.break_glass import (
    confirm_break_glass,
    list_break_glass,
    open_break_glass,
    withdraw_break_glass,
)
from api.routes.breakers import (
    accept_trip,
    arm_breaker,
    change_breaker,
    dismiss_trip,
    list_breakers,
    list_trips,
    retire_breaker,
)
from api.routes.budgets import list_budgets
from api.routes.connections import (
    change_one_connection,
    disconnect_one,
    get_connection,
    grant_one_action,
    list_connections,
    revoke_one_grant,
)
from api.routes.controls import engage_control, lift_control, list_controls
from api.routes.decision_landing import create_landing_decision
from api.routes.decisions import create_decision, get_decision, list_decisions
from api.routes.delegations import begin_delegation, end_one_delegation, list_delegations
from api.routes.deliveries import get_delivery, list_deliveries, resend
from api.routes.discussion import assign_approval, list_comments, write_comment
from api.routes.disputes import build_packet_from_facts, get_dispute, get_last_good_packet, list_disputes
from api.routes.email_approvals import show_email_approval, vote_by_email
from api.routes.events import stream_events
from api.routes.fail_safe import get_fail_safe, list_programme, list_programmes, unlist_programme
from api.routes.keys import create_key, list_keys, revoke_key
from api.routes.lists import (
    activate_list_version,
    create_list,
    get_list,
    get_list_version,
    list_lists,
    propose_list_version,
)
from api.routes.mcp import answer_mcp
from api.routes.members import change_me, change_one, invite_member, list_members, make_password_link
from api.routes.operations import healthz, metrics, readyz
from api.routes.organization import change_organization, get_organization
from api.routes.password import change_password, set_password
from api.routes.policies import compile_policy_text, get_policy, list_policies
from api.routes.policy_comparisons import diff_version, preview_promotion
from api.routes.policy_drafts import (
    change_draft,
    create_draft,
    get_draft,
    list_drafts,
    publish_draft,
    remove_draft,
)
from api.routes.policy_snapshots import get_policy_snapshot
from api.routes.policy_templates import fill_in_template, get_template, list_templates
from api.routes.policy_versions import activate_version, get_version, retire_version, shadow_version
from api.routes.replays import (
    delete_replay,
    get_replay,
    get_report,
    list_findings,
    list_replays,
    start_replay,
)
from api.routes.sessions import current_session, end_session, list_sessions, log_in, log_out
from api.routes.slack import slack_command, slack_event, slack_interaction
from api.routes.slack_installation import (
    create_link_code,
    delete_slack,
    delete_slack_link,
    get_slack,
    get_slack_link,
    put_slack,
)
from api.routes.stripe_events import list_stripe_events, reconcile_connection, reprocess_stripe_event
from api.routes.stripe_install import (
    begin_install,
    confirm_install,
    finish_install,
    show_install,
    show_permissions,
)
from api.routes.stripe_webhooks import receive_stripe_event
from api.routes.surface_agreement import get_surface_agreement
from api.routes.surfaces import change_surface, list_surfaces
from api.routes.token_keys import list_token_keys, revoke_one_token_key, show_token_keys
from api.routes.undo import undo_decision
from api.routes.wallet_policy import (
    ask_by_wallet,
    create_policy_of_wallet,
    list_policies_of_wallets,
    revoke_policy_of_wallet,
)
from api.routes.webhook_votes import vote_by_webhook
from api.routes.webhooks import (
    change_webhook,
    create_webhook,
    list_webhooks,
    ping_webhook,
    remove_webhook,
    rotate_webhook,
)
from api.server import serve_app
from api.services import Services
from axiru.database import connected
from axiru.settings import Settings
from axiru.temporal import connect
from axiru.vault import Vault
from ledger.acts.standing import CompiledVersions
from ledger.keys import load_signer
from ledger.token_keys import TokenSigner

ROUTES = (
    create_authorization,
    get_authorization,
    consume_token,
    settle_authorization,
    answer_mcp,
    show_token_keys,
    list_token_keys,
    revoke_one_token_key,
    undo_decision,
    begin_install,
    show_install,
    confirm_install,
    finish_install,
    show_permissions,
    list_connections,
    get_connection,
    change_one_connection,
    grant_one_action,
    revoke_one_grant,
    disconnect_one,
    get_fail_safe,
    list_programmes,
    list_programme,
    unlist_programme,
    list_surfaces,
    get_surface_agreement,
    get_policy_snapshot,
    change_surface,
    show_email_approval,
    vote_by_email,
    create_decision,
    get_decision,
    list_decisions,
    create_landing_decision,
    list_approvals,
    get_approval,
    approve,
    deny,
    vote_on_several,
    list_comments,
    write_comment,
    assign_approval,
    list_delegations,
    begin_delegation,
    end_one_delegation,
    list_break_glass,
    open_break_glass,
    confirm_break_glass,
    withdraw_break_glass,
    engage_control,
    list_controls,
    lift_control,
    arm_breaker,
    list_budgets,
    list_breakers,
    change_breaker,
    retire_breaker,
    list_trips,
    accept_trip,
    dismiss_trip,
    log_in,
    current_session,
    log_out,
    list_sessions,
    end_session,
    list_members,
    invite_member,
    change_me,
    change_one,
    make_password_link,
    set_password,
    change_password,
    list_agents,
    get_agent,
    register_agent,
    change_one_agent,
    retire_one_agent,
    list_ap2_issuers,
    trust_ap2_issuer,
    remove_ap2_issuer,
    get_organization,
    change_organization,
    stream_events,
    create_key,
    list_keys,
    revoke_key,
    compile_policy_text,
    list_policies,
    get_policy,
    create_draft,
    list_drafts,
    get_draft,
    change_draft,
    remove_draft,
    publish_draft,
    get_version,
    activate_version,
    retire_version,
    shadow_version,
    diff_version,
    preview_promotion,
    list_templates,
    get_template,
    fill_in_template,
    list_lists,
    create_list,
    get_list,
    propose_list_version,
    get_list_version,
    activate_list_version,
    start_replay,
    list_replays,
    get_replay,
    list_findings,
    get_report,
    delete_replay,
    create_webhook,
    list_webhooks,
    change_webhook,
    rotate_webhook,
    ping_webhook,
    remove_webhook,
    vote_by_webhook,
    create_policy_of_wallet,
    list_policies_of_wallets,
    revoke_policy_of_wallet,
    ask_by_wallet,
    list_deliveries,
    get_delivery,
    resend,
    receive_stripe_event,
    list_stripe_events,
    reprocess_stripe_event,
    reconcile_connection,
    list_disputes,
    get_dispute,
    get_last_good_packet,
    build_packet_from_facts,
    slack_interaction,
    slack_command,
    slack_event,
    get_slack,
    put_slack,
    delete_slack,
    create_link_code,
    get_slack_link,
    delete_slack_link,
    healthz,
    readyz,
    metrics,
)


def create_app(settings: Settings) -> Litestar:
    """The app; opens nothing before its lifespan begins. Raises ConfigurationInvalid when a setting is missing."""
    settings.require("database_url", "redis_url")

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            try:
                app.state.mcp = await opened.enter_async_context(McpDoor().open())
                app.state.services = await opened.enter_async_context(_services(settings))
            except Exception as error:
                # Litestar wraps it in a group; whoever starts the process wants the sentence.
                app.state.start_error = error
                raise
            yield

    return Litestar(
        route_handlers=ROUTES,
        lifespan=[lifespan],
        middleware=[timed],
        before_send=[observe_answer],
        exception_handlers=dict(EXCEPTION_HANDLERS),
        openapi_config=openapi.CONFIG,
        logging_config=None,
        request_max_body_size=None,
    )


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is being answered and return.

    Raises ConfigurationInvalid when it cannot start: a setting, the database, the vault's key, a port in use.
    """
    logs.configure(settings.log_level)
    serve_app(create_app(settings), settings)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(connected(settings))
        vault = Vault.from_settings(settings)
        signer = await load_signer(vault)
        payments = PaymentLookup(settings, vault)
        opened.push_async_callback(payments.close)
        compiler = PolicyCompiler()
        opened.push_async_callback(compiler.close)
        rate_limit = RateLimit(settings.redis_url)
        opened.push_async_callback(rate_limit.close)
        watch = await opened.enter_async_context(ChainWatch(settings.database_url))
        # Lazy: the kill switch, votes and every read work while Temporal is away.
        temporal = await connect(settings, lazy=True)
        yield Services(
            settings,
            rate_limit,
            watch,
            temporal,
            signer,
            payments,
            compiler,
            CompiledVersions(),
            asyncio.Event(),
            vault,
            TokenSigner(vault),
        )
