"""What both example hosts have as any web system has it, with or without certlogin: accounts, captchas, languages."""
