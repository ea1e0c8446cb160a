from __future__ import annotations

from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "kalends.messages"
    # "messages" is the label of django.contrib.messages.
    label = "outbox"

    def ready(self) -> None:
        from kalends.companies.services import on_member_invited  # noqa: PLC0415 - app ready
        from kalends.jobs.secrets import register_sealed  # noqa: PLC0415 - app ready
        from kalends.messages import tasks  # noqa: PLC0415 - app ready
        from kalends.messages.people import send_member_invitation, tell_of_paused_webhook  # noqa: PLC0415 - app ready
        from kalends.messages.webhook_sending import on_webhook_paused  # noqa: PLC0415 - app ready

        register_sealed("outbox.OutgoingMessage", "content_sealed")
        register_sealed("outbox.OutgoingMessage", "mail_sealed")
        register_sealed("outbox.WebhookEndpoint", "url_sealed")
        register_sealed("outbox.WebhookEndpoint", "secret_sealed")
        tasks.register_sweeps()
        on_member_invited(send_member_invitation)
        on_webhook_paused(tell_of_paused_webhook)
