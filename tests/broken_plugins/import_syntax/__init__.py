def before_save(change:
    return
