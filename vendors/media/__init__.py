"""The vendor that makes pictures of uploaded images, in processes of this machine: it speaks no HTTP."""
