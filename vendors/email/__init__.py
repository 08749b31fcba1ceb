"""The mails that the gateway itself sends, as jobs of a vendor: by SMTP, by Gmail, or into an inbox on this machine."""
