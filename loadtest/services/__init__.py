"""Sample services to stand behind the gateway: instances that die, hang, lie and come back when told to."""
