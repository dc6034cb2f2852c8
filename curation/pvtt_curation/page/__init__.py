"""The page that shows what is reviewed in any browser, without a server, and takes verdicts by keyboard."""
